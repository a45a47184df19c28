"""Compare the event stream parser with httpx-sse: throughput in MB/s, their ratio, and memory growth.

Run `python benchmarks/sse_parser.py`. Both readers take turns in one process, so the ratio depends little on
the machine; the median over the rounds counts. `--require 1.0` sets exit status 1 if a ratio falls short.
"""

from __future__ import annotations

import argparse
import codecs
import gc
import json
import random
import statistics
import sys
import time
import tracemalloc
from typing import TYPE_CHECKING, Final

from httpx_sse._decoders import SSEDecoder, SSELineDecoder

from pytest_mcp_http.wire.sse import EventStreamParser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[Iterator[bytes]], int]

MEGABYTE: Final = 1_000_000
ASCII_WORDS: Final = ("server", "tool", "line\nbreak", '"quoted"', "C:\\temp", "plain text of a tool")
WORDS: Final = (*ASCII_WORDS, "résumé", "naïve", "日本語", "emoji 🎉")


def message(source: random.Random, number: int) -> dict[str, object]:
    """Return one message as servers send it: progress, logs, small results, now and then a large one."""
    draw = source.random()
    words = WORDS if source.random() < 0.3 else ASCII_WORDS
    text = " ".join(source.choices(words, k=source.randint(3, 40)))
    if draw < 0.35:
        params: dict[str, object] = {
            "progressToken": 1,
            "progress": number,
            "total": 4000,
            "message": text[:40],
        }
        return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
    if draw < 0.6:
        params = {"level": "info", "logger": "worker", "data": {"text": text, "step": number}}
        return {"jsonrpc": "2.0", "method": "notifications/message", "params": params}
    size = 1 if draw < 0.95 else 20 if draw < 0.998 else 1000
    content = [{"type": "text", "text": text * size}]
    return {"jsonrpc": "2.0", "id": number, "result": {"content": content, "isError": False}}


def stream(size: int, line_end: str) -> bytes:
    """Return at least `size` bytes of events with ids, some priming events and some comments."""
    source = random.Random(20251125)
    blocks: list[bytes] = []
    for number in range(4000):
        data = json.dumps(message(source, number), ensure_ascii=False, separators=(",", ":"))
        lines = ["event: message", f"id: 0f9c-{number}", f"data: {data}", "", ""]
        if number % 50 == 0:
            lines = [f"id: 0f9c-{number}", "retry: 3000", "data:", "", ""]
        elif number % 75 == 0:
            lines = [": ping", "", ""]
        blocks.append(line_end.join(lines).encode())
    part = b"".join(blocks)
    return part * -(-size // len(part))


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut data into pieces of `size` bytes."""
    return (data[start : start + size] for start in range(0, len(data), size))


def read_ours(chunks: Iterator[bytes]) -> int:
    """Read the stream with our parser; return how many events it dispatches."""
    parser = EventStreamParser()
    count = 0
    for chunk in chunks:
        for event in parser.feed(chunk):
            count += event.dispatched
    parser.close()
    return count


def read_httpx_sse(chunks: Iterator[bytes]) -> int:
    """Read the stream the way httpx and httpx-sse do: bytes to text to lines to events."""
    to_text = codecs.getincrementaldecoder("utf-8")(errors="replace")
    to_lines = SSELineDecoder()
    decoder = SSEDecoder()
    count = 0
    for chunk in chunks:
        text = to_text.decode(chunk)
        if text:
            for line in to_lines.decode(text):
                count += decoder.decode(line.rstrip("\n")) is not None
    for line in to_lines.flush():
        count += decoder.decode(line.rstrip("\n")) is not None
    return count


def seconds(reader: Reader, data: bytes, chunk: int) -> float:
    """Return the processor time a reader takes for the whole stream, without that of other processes."""
    gc.collect()
    started = time.process_time()
    reader(pieces(data, chunk))
    return time.process_time() - started


def peak_growth(reader: Reader, data: bytes, chunk: int) -> int:
    """Return how far memory rises above its start while a reader reads, in bytes."""
    gc.collect()
    tracemalloc.start()
    reader(pieces(data, chunk))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def compare(name: str, data: bytes, chunk: int, rounds: int) -> float:
    """Print a line for a stream and chunk size; return the median ratio of our speed to httpx-sse."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        ours.append(seconds(read_ours, data, chunk))
        theirs.append(seconds(read_httpx_sse, data, chunk))
    ratio = statistics.median(their / our for our, their in zip(ours, theirs, strict=True))
    sample = data[: 10 * MEGABYTE]
    growth = [peak_growth(reader, sample, chunk) / 1024 for reader in (read_ours, read_httpx_sse)]
    megabytes = len(data) / MEGABYTE
    print(
        f"{name:24} {megabytes:6.0f} MB  chunk {chunk:6d} B  ours {megabytes / min(ours):7.1f} MB/s  "
        f"httpx-sse {megabytes / min(theirs):7.1f} MB/s  ratio {ratio:5.2f}  "
        f"peak +{growth[0]:.0f} KiB, +{growth[1]:.0f} KiB",
        flush=True,
    )
    return ratio


def main() -> int:
    """Run all comparisons; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100, help="Size of the main streams")
    parser.add_argument(
        "--rounds", type=int, default=5, help="Measurements of each stream, the median ratio counts"
    )
    parser.add_argument("--require", type=float, default=0.0, help="Fail if a ratio is below this")
    options = parser.parse_args()
    size = options.megabytes * MEGABYTE
    ratios = []
    for name, line_end in (("LF", "\n"), ("CR LF", "\r\n"), ("CR", "\r")):
        data = stream(size, line_end)
        ratios.append(compare(name, data, 64 * 1024, options.rounds))
        if line_end != "\r":
            ratios.append(compare(f"{name}, small chunks", data[: size // 5], 1024, options.rounds))
            ratios.append(compare(f"{name}, tiny chunks", data[: size // 50], 16, options.rounds))
    large = b"event: message\r\ndata: " + b"x" * (8 * MEGABYTE) + b"\r\n\r\n"
    ratios.append(
        compare("CR LF, 8 MB events", large * max(1, size // len(large)), 64 * 1024, options.rounds)
    )
    print(f"lowest ratio {min(ratios):.2f}")
    return int(min(ratios) < options.require)


if __name__ == "__main__":
    sys.exit(main())
