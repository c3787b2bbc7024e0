"""A push service on this machine: browsers connect to it, and the relay posts to it (RFC 8030).

It believes nothing that the relay says of itself: signatures (RFC 8292) and payloads (RFC 8291) are checked with the library
`cryptography`, by the text of the standards. Firefox is its other judge: it decrypts what is forwarded to it.
"""

import asyncio
import base64
import http.server
import json
import os
import threading
import time
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

P256 = ec.SECP256R1()


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derived(secret, salt, info, length):
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


class Receiver:
    """A subscription of its own, whose private key it has."""

    def __init__(self):
        self.private = ec.generate_private_key(P256)
        self.auth = os.urandom(16)
        self.public = self.private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    def keys(self):
        return {"p256dh": encoded(self.public), "auth": encoded(self.auth)}

    def open(self, body):
        """The plaintext of one record (RFC 8291 3.4, RFC 8188 2)."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert length == 65 and 18 <= len(record) <= size, (length, len(record), size)
        shared = self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(P256, sender))
        material = derived(shared, self.auth, b"WebPush: info\0" + self.public + sender, 32)
        key = derived(material, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derived(material, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert padded[-1] == 2, "the last record ends with 2"
        return padded[:-1].decode()


def vapid(header, origin):
    """The claims and the key of a signature (RFC 8292 2 and 3), which must be for this service."""
    scheme, _, rest = header.partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert scheme == "vapid" and set(fields) == {"t", "k"}, header
    key = ec.EllipticCurvePublicKey.from_encoded_point(P256, decoded(fields["k"]))
    signed, _, signature = fields["t"].rpartition(".")
    raw = decoded(signature)
    assert len(raw) == 64, "ES256 is two numbers of 32 bytes"
    pair = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(pair, signed.encode(), ec.ECDSA(hashes.SHA256()))
    head, claims = (json.loads(decoded(part)) for part in signed.split("."))
    assert head["alg"] == "ES256", head
    assert claims["aud"] == origin, (claims, origin)
    assert 0 < claims["exp"] - time.time() <= 86_400, claims
    return claims, fields["k"]


class PushService:
    """Runs in threads of its own; `tell` gets one dictionary for each push."""

    def __init__(self, tell):
        self.tell = tell
        self.receivers = {}
        self.browsers = {}
        self.refuse = {}
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        started.wait()
        service = self

        class Posts(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers = service.take(self.path, self.headers, body)
                self.send_response(status)
                for name, value in {**headers, "content-length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Posts)
        self.origin = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def subscription(self):
        """A new subscription that this service reads itself."""
        name, receiver = str(uuid.uuid4()), Receiver()
        self.receivers[name] = receiver
        return {"endpoint": f"{self.origin}/push/{name}", "expirationTime": None, "keys": receiver.keys()}

    def take(self, path, headers, body):
        name = path.removeprefix("/push/")
        if self.refuse.get(name):
            status, more = self.refuse[name].pop(0)
            self.tell({"is": "refused", "channel": name, "status": status, "bytes": len(body)})
            return status, more
        told = {"is": "push", "channel": name, "bytes": len(body), "headers": {k.lower(): v for k, v in headers.items()}}
        try:
            told["claims"], told["key"] = vapid(headers["authorization"], self.origin)
            assert int(headers["ttl"]) >= 0 and headers["content-encoding"] == "aes128gcm"
            assert len(headers.get("topic", "")) <= 32 and len(body) <= 4_096
            if name in self.receivers:
                told["payload"] = json.loads(self.receivers[name].open(body))
        except Exception as error:  # the relay must not be believed, and the test must hear of it
            self.tell({"is": "wrong", "why": repr(error), **told})
            return 400, {}
        self.tell(told)
        if name in self.receivers:
            return 201, {"location": f"{self.origin}/m/{uuid.uuid4()}"}
        if name not in self.browsers:
            return 410, {}
        frame = {
            "messageType": "notification",
            "channelID": name,
            "version": str(uuid.uuid4()),
            "data": encoded(body),
            "headers": {"encoding": "aes128gcm"},
        }
        sent = asyncio.run_coroutine_threadsafe(self.browsers[name].send(json.dumps(frame)), self.loop)
        sent.result(10)
        return 201, {"location": f"{self.origin}/m/{frame['version']}"}

    def _run(self, started):
        asyncio.set_event_loop(self.loop)

        async def run():
            server = await serve(self._browser, "127.0.0.1", 0, subprotocols=["push-notification"])
            self.socket = server.sockets[0].getsockname()[1]
            started.set()
            await asyncio.Future()

        self.loop.run_until_complete(run())

    async def _browser(self, socket):
        """What Firefox says to its push service, until it ends."""
        try:
            await self._converse(socket)
        except ConnectionClosed:
            pass

    async def _converse(self, socket):
        async for text in socket:
            said = json.loads(text)
            kind = said.get("messageType")
            if kind == "hello":
                answer = {"uaid": said.get("uaid") or uuid.uuid4().hex, "use_webpush": True, "broadcasts": {}}
            elif kind == "register":
                name = said["channelID"]
                self.browsers[name] = socket
                answer = {"channelID": name, "pushEndpoint": f"{self.origin}/push/{name}"}
            elif kind == "unregister":
                self.browsers.pop(said["channelID"], None)
                self.tell({"is": "unregistered", "channel": said["channelID"]})
                answer = {"channelID": said["channelID"]}
            elif kind == "ack":
                self.tell({"is": "browser_ack"})
                continue
            else:
                await socket.send("{}")
                continue
            await socket.send(json.dumps({"messageType": kind, "status": 200, **answer}))
