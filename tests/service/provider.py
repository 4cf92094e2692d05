"""An OpenID provider for tests (oidc-provider-mock), on a port that it says; it ends with its standard input.

The mock takes no notice of PKCE (RFC 7636), so what is in front of it does: a code whose challenge was not answered buys
no token.
"""

import base64
import hashlib
import io
import sys
import threading
from urllib.parse import parse_qs, urlsplit

import werkzeug.serving
from oidc_provider_mock._app import app

challenges = {}


def sure_of_the_verifier(inner):
    def answer(environ, start):
        path = environ["PATH_INFO"]
        if path == "/oauth2/token":
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            sent = parse_qs(body.decode())
            digest = hashlib.sha256(sent.get("code_verifier", [""])[0].encode()).digest()
            given = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if challenges.get(sent.get("code", [""])[0]) != given:
                start("400 Bad Request", [("Content-Type", "application/json")])
                return [b'{"error": "invalid_grant"}']
        asked = parse_qs(environ.get("QUERY_STRING", ""))

        def started(status, headers, *rest):
            for name, value in headers:
                code = parse_qs(urlsplit(value).query).get("code") if name.lower() == "location" else None
                if code and asked.get("code_challenge_method") == ["S256"]:
                    challenges[code[0]] = asked["code_challenge"][0]
            return start(status, headers, *rest)

        return inner(environ, started)

    return answer


server = werkzeug.serving.make_server("localhost", 0, sure_of_the_verifier(app(require_nonce=True)), threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://localhost:{server.server_port}", flush=True)
sys.stdin.read()
