/* Drive the client of `@modelcontextprotocol/client` 2.x as `--mcp-client-command` asks: list, call, leave.
 *
 * NODE_PATH=node_modules pytest --mcp-client-command "node scripts/field_clients/typescript_2.cjs {url}"
 */
const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");

const given = JSON.parse(process.env.MCP_CLIENT_ARGUMENTS);
const options = { timeout: Number(process.env.MCP_CLIENT_TIMEOUT) * 1000 };
const mode = process.env.MCP_CLIENT_REVISION >= "2026" ? "auto" : "legacy";

/** List the tools, and call those that were not called before. */
async function visit(called) {
  const client = new Client(
    { name: "typescript-2", version: "1" },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } },
  );
  client.setRequestHandler("elicitation/create", async () => ({
    action: "accept",
    content: { colour: "red" },
  }));
  const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]));
  try {
    await client.connect(transport, options);
    const { tools } = await client.listTools(undefined, options);
    for (const { name } of tools.filter((tool) => !called.has(tool.name))) {
      called.add(name);
      try {
        await client.callTool({ name, arguments: given[name] ?? {} }, options);
      } catch (error) {
        console.log(`${name}: ${error}`);
        if (error.status === 404) throw error;
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
