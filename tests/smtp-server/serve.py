"""A mail server for tests: aiosmtpd, on a free port of this machine, with refusals on demand.

    serve.py [--cert FILE --key FILE] [--implicit] [--login USER:PASSWORD]

With a certificate it wants STARTTLS, or speaks TLS from the first byte. It prints its port, then each mail that it took as a
line of JSON, and ends when its input ends, so it never outlives the test that started it.

By the local part of a receiver: `gone` is refused for good, `busy` for now. By what is in the subject: `poison` is refused
for good, `later` the first time.
"""

import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    def __init__(self):
        self.postponed = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0]
        if local == "gone":
            return "550 5.1.1 no such user"
        if local == "busy":
            return "451 4.3.0 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if "poison" in mail["subject"]:
            return "554 5.7.1 refused by policy"
        if "later" in mail["subject"] and mail["message-id"] not in self.postponed:
            self.postponed.add(mail["message-id"])
            return "451 4.7.1 greylisted"
        taken = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "head": [[name, str(value)] for name, value in mail.items()],
            "text": mail.get_content(),
            "defects": [str(defect) for defect in mail.defects],
            "connection": session.peer[1],
            "encrypted": session.ssl is not None or server.transport.get_extra_info("cipher") is not None,
            "login": bool(session.authenticated),
        }
        print(json.dumps(taken), flush=True)
        return "250 2.0.0 taken"


def end_with_input():
    sys.stdin.read()
    os._exit(0)


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--cert")
    arguments.add_argument("--key")
    arguments.add_argument("--implicit", action="store_true")
    arguments.add_argument("--login")
    asked = arguments.parse_args()
    context = None
    if asked.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(asked.cert, asked.key)
    handler = Handler()

    def authenticate(server, session, envelope, mechanism, data):
        user, password = asked.login.encode().split(b":", 1)
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (user, password)
        return AuthResult(success=known, handled=False)

    def connected():
        return SMTP(
            handler,
            hostname="mail.example.com",
            tls_context=None if asked.implicit else context,
            require_starttls=bool(context) and not asked.implicit,
            authenticator=authenticate if asked.login else None,
            auth_required=bool(asked.login),
            auth_require_tls=bool(context) and not asked.implicit,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(
        connected, "127.0.0.1", 0, ssl=context if asked.implicit else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    threading.Thread(target=end_with_input, daemon=True).start()
    await server.serve_forever()


asyncio.run(main())
