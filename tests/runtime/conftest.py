import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Handler(BaseHTTPRequestHandler):
    """Serves the server's ``archive`` under several tempers, told by the path."""

    def do_GET(self):
        self.server.asked.append(self.headers.get("Range"))
        if self.path == "/gone":
            return self.send_error(404)
        if self.path == "/silent":
            self.server.done.wait()
            return None
        content = b"something else" if self.path == "/wrong" else self.server.archive
        start = 0
        if (asked := self.headers.get("Range")) and self.path != "/whole":
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= len(content):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            shown = start + 7 if self.path == "/elsewhere" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : start + 500] if self.path == "/breaking" else content[start:])
        return None

    def log_message(self, *args):
        pass


@pytest.fixture
def archive_server():
    """A server at ``url``; set its ``archive``, and read in ``asked`` the ranges it was asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.archive, running.asked, running.done = b"", [], threading.Event()
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.done.set()
        running.shutdown()
        thread.join()
