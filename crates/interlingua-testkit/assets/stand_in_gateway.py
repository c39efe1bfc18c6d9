#!/usr/bin/env python3
"""Takes the gateway's flags, announces itself as it does, and answers three paths."""
import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answers = {"/readyz": "ok", "/mark": os.environ.get("MARK", ""), "/starts": STARTS}
        body = answers[self.path].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert open(flags["--config"]).read()
with open("starts", "a") as state:
    state.write("x")
STARTS = str(os.path.getsize("starts"))
host, port = flags["--listen"].rsplit(":", 1)
http.server.HTTPServer.allow_reuse_address = True
server = http.server.HTTPServer((host, int(port)), Handler)
print(f"listening on http://{host}:{server.server_port}", file=sys.stderr, flush=True)
server.serve_forever()
