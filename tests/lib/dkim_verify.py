# dkim_verify SERVER PORT <LETTER: python3-dkim's word on each signature, one a line; keys from this name server.
import sys

import dkim
import dns.resolver

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = [sys.argv[1]], int(sys.argv[2])


def txt(name, timeout=5):
    name = name if isinstance(name, str) else name.decode()
    return b"".join(next(iter(resolver.resolve(name, "TXT", lifetime=timeout))).strings)


letter = sys.stdin.buffer.read()
header = letter.split(b"\r\n\r\n")[0].lower()
for i in range((b"\r\n" + header).count(b"\r\ndkim-signature:")):
    try:
        print("good" if dkim.DKIM(letter).verify(idx=i, dnsfunc=txt) else "bad")
    except dkim.DKIMException as e:
        print("body" if "body hash mismatch" in str(e) else "error %s" % e)
