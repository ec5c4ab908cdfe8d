"""An S3-compatible server for tests: moto, on a free port of this machine, with faults on demand.

Prints the port and serves until its input ends, so it never outlives the test that started it.

moto speaks the protocol: buckets, objects, ranges, listings, uploads in parts. It does not check signatures or
rights, and no credentials of it ever expire; so that is done here, for tokens that a test names. It keeps everything in
one process's memory, so it shows nothing of how a service behaves when one of its machines fails, or under throttling.

    PUT /_test/expire/TOKEN?after=N     requests with this session token are refused after N more of them
    PUT /_test/deny                     every later request is refused with AccessDenied; DELETE takes that back
    PUT /_test/break/N                  the next N bodies of GET end in their middle
    PUT /_test/busy/N                   the next N requests are answered 503 SlowDown
    PUT /_test/lose/N                   the Nth part from now on, and all later requests, are refused with 500; N=0 ends that
    GET /_test/uploads                  how many parts arrived so far
"""

import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


def refusal(code, message, extra=""):
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{extra}</Error>".encode()


class Faults:
    def __init__(self, app):
        self.app, self.lock = app, threading.Lock()
        self.expire, self.deny, self.breaks, self.busy, self.lose, self.parts = {}, False, 0, 0, None, 0

    def __call__(self, environ, start):
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        with self.lock:
            if path.startswith("/_test/"):
                return self.set(path.split("/")[2:], method, environ, start)
            fault = self.fault(environ, method)
            cut = method == "GET" and self.breaks > 0 and "HTTP_RANGE" in environ
            self.breaks -= cut
        if fault:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            status, body = fault
            start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]
        answer = self.app(environ, start)
        if cut:
            body = b"".join(answer)
            return [body[: len(body) // 2]]
        return answer

    def fault(self, environ, method):
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "")
        if token in self.expire:
            self.expire[token] -= 1
            if self.expire[token] < 0:
                said = f"<Token-0>{token}</Token-0>"
                return "400 Bad Request", refusal("ExpiredToken", "The provided token has expired.", said)
        if self.deny:
            return "403 Forbidden", refusal("AccessDenied", "Access Denied")
        if self.busy > 0:
            self.busy -= 1
            return "503 Slow Down", refusal("SlowDown", "Please reduce your request rate.")
        is_part = method == "PUT" and "partNumber=" in environ.get("QUERY_STRING", "")
        if self.lose is not None:
            self.lose -= is_part
            if self.lose <= 0:
                return "501 Not Implemented", refusal("Lost", "The server is not there.")
        self.parts += is_part
        return None

    def set(self, what, method, environ, start):
        query = dict(p.split("=") for p in environ.get("QUERY_STRING", "").split("&") if p)
        body = b""
        if what[0] == "expire":
            self.expire[what[1]] = int(query.get("after", 0))
        elif what[0] == "deny":
            self.deny = method == "PUT"
        elif what[0] == "break":
            self.breaks = int(what[1])
        elif what[0] == "busy":
            self.busy = int(what[1])
        elif what[0] == "lose":
            self.lose = int(what[1]) or None
        elif what[0] == "uploads":
            body = str(self.parts).encode()
        start("200 OK", [("Content-Length", str(len(body)))])
        return [body]


app = Faults(DomainDispatcherApplication(create_backend_app))
server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
