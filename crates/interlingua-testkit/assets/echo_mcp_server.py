#!/usr/bin/env python3
"""An MCP server over stdio with one tool, `echo`, and one that returns a picture, `look`."""
import json
import sys

PICTURE = sys.argv[1] if len(sys.argv) > 1 else ""
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOLS = [
    {"name": "echo", "description": "Says the text again.", "inputSchema": TEXT},
    {"name": "look", "description": "Shows a picture.", "inputSchema": {"type": "object", "properties": {}}},
]


def call(name, arguments):
    if name == "look":
        return [{"type": "image", "mimeType": "image/png", "data": PICTURE}]
    return [{"type": "text", "text": "echo: " + str(arguments.get("text"))}]


def answer(method, params):
    if method == "initialize":
        version = params.get("protocolVersion", "2025-06-18")
        info = {"name": "echo", "version": "1.0"}
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return {"content": call(params.get("name"), params.get("arguments") or {})}
    return {}


for line in sys.stdin:
    message = json.loads(line) if line.strip() else {}
    if "id" in message:
        result = answer(message.get("method"), message.get("params") or {})
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
