/* Drive the client of `@modelcontextprotocol/sdk` as `--mcp-client-command` asks: list, call, leave.
 *
 * NODE_PATH=node_modules pytest --mcp-client-command "node scripts/field_clients/typescript_1.cjs {url}"
 */
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");

const given = JSON.parse(process.env.MCP_CLIENT_ARGUMENTS);
const options = { timeout: Number(process.env.MCP_CLIENT_TIMEOUT) * 1000 };

/** List the tools, and call those that were not called before. */
async function visit(called) {
  const client = new Client({ name: "typescript-1", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]));
  try {
    await client.connect(transport, options);
    const names = [];
    let cursor;
    do {
      const page = await client.listTools(cursor === undefined ? {} : { cursor }, options);
      names.push(...page.tools.map((tool) => tool.name));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    for (const name of names.filter((each) => !called.has(each))) {
      called.add(name);
      try {
        await client.callTool({ name, arguments: given[name] ?? {} }, undefined, options);
      } catch (error) {
        console.log(`${name}: ${error}`);
        if (error.code === 404) throw error;
      }
    }
    await transport.terminateSession();
  } finally {
    await client.close();
  }
}

/** Visit, and return whether the connection lasted. */
async function attempt(called) {
  try {
    await visit(called);
  } catch (error) {
    console.log(`lost: ${error}`);
    return false;
  }
  return true;
}

/** Visit, and connect once more if the connection is lost. */
async function main() {
  const called = new Set();
  if (!(await attempt(called))) await attempt(called);
}

main();
