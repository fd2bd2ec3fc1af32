#!/usr/bin/env python3
"""An SMS gateway for tests, with Kannel's parameters: a ledger, and failures where it is told to.

  sms_sink.py --port PORT --ledger FILE [--rules FILE] [--receipts]

GET …?username=&password=&from=&to=&text=&dlr-mask=&dlr-url= answers 202 "0: Accepted for delivery" and
writes one JSON line with the decoded parameters to the ledger first. With --receipts the dlr-url is
called with `%d` replaced by 8, then 1.

Rules are a JSON list, the first that fits acts: {"match": REGEX (in `to`), "times": N, "status": N,
"body": "...", "headers": {...}, "accept": true (enters the ledger), "drop": true (no answer)}.
"""
import argparse
import json
import re
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        query = urllib.parse.urlsplit(self.path).query
        # Kannel reads text as UTF-8 when told charset=UTF-8.
        given = dict(urllib.parse.parse_qsl(query, keep_blank_values=True, encoding="utf-8"))
        rule = server.rule_for(given.get("to", ""))
        if rule is None or rule.get("accept"):
            server.record(given)
        if rule is not None and rule.get("drop"):
            self.close_connection = True
            self.connection.close()
            return
        status, body = 202, "0: Accepted for delivery"
        if rule is not None and "status" in rule:
            status, body = rule["status"], rule.get("body", "")
        self.send_response(status)
        for name, value in (rule or {}).get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
        if rule is None and server.receipts and given.get("dlr-url"):
            threading.Thread(target=server.send_receipts, args=(given["dlr-url"],)).start()

    def log_message(self, *unused):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, args):
        super().__init__(("127.0.0.1", args.port), Handler)
        self.ledger = open(args.ledger, "ab", buffering=0)
        self.rules = json.load(open(args.rules, encoding="utf-8")) if args.rules else []
        self.receipts = args.receipts
        self.lock = threading.Lock()

    def rule_for(self, to):
        with self.lock:
            for rule in self.rules:
                if re.search(rule.get("match", ""), to) and rule.get("times", 1) > 0:
                    if "times" in rule:
                        rule["times"] -= 1
                    return rule
        return None

    def record(self, given):
        with self.lock:
            self.ledger.write(json.dumps(given).encode() + b"\n")

    @staticmethod
    def send_receipts(url):
        for kind in ("8", "1"):
            urllib.request.urlopen(url.replace("%d", kind), timeout=10).read()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", required=True)
    parser.add_argument("--rules")
    parser.add_argument("--receipts", action="store_true")
    Server(parser.parse_args()).serve_forever()
