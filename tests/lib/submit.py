# submit.py PORT CA USER PASSWORD-FILE RCPT,... FILE [WORD...] — gives FILE to a submission server by smtplib.
#
# Words: from=ADDRESS (of MAIL; "" is <>), auth=MECHANISM (utf-8: PLAIN, for a password that smtplib does not take), ehlo=NAME, password=TEXT, tls=1.2, tls=none,
# mail=PARAMETERS, raw (the octets of FILE as they are), flood=N (so many RCPT; prints how many of each reply).
# Prints each reply.  Ends with 1 after a refusal.
import base64, smtplib, ssl, sys

port, ca, user, password_file, to, path = sys.argv[1:7]
words = dict(w.split("=", 1) if "=" in w else (w, "") for w in sys.argv[7:])
password = words.get("password", open(password_file).read().strip())
tls = ssl.create_default_context(cafile=ca)
tls.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
if words.get("tls") == "1.2":
    tls.maximum_version = ssl.TLSVersion.TLSv1_2


def said(reply):
    print(reply[0], reply[1].decode().replace("\n", " / "))
    return reply[0]


try:
    ehlo = words.get("ehlo", "[192.0.2.1]")
    if port == "465":
        s = smtplib.SMTP_SSL("mail.a.test", 465, ehlo, context=tls, timeout=60)
    else:
        s = smtplib.SMTP("mail.a.test", int(port), ehlo, timeout=60)
        if words.get("tls") != "none":
            said(s.starttls(context=tls))
    s.ehlo()
    print("tls", s.sock.version() if words.get("tls") != "none" else "none")
    print("auth", s.esmtp_features.get("auth", "none").strip())
    s.user, s.password = user, password
    if words.get("auth") == "utf-8":
        if said(s.docmd("AUTH", "PLAIN " + base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode())) != 235:
            sys.exit(1)
    elif "auth" in words and words["auth"] != "none":
        said(s.auth(words["auth"], getattr(s, "auth_" + words["auth"].lower().replace("-", "_"))))
    elif "auth" not in words:
        said(s.login(user, password))
    letter = open(path, "rb").read()
    sender = words.get("from", user)
    options = words["mail"].split() if "mail" in words else ["SIZE=%d" % len(letter)]
    if said(s.mail(sender, options)) != 250:
        sys.exit(1)
    if "flood" in words:
        counts = {}
        try:
            for i in range(int(words["flood"])):
                s.putcmd("RCPT TO:<%s>" % to)
                if i % 50 == 49:
                    for k in range(50):
                        code = s.getreply()[0]
                        counts[code] = counts.get(code, 0) + 1
        except (smtplib.SMTPServerDisconnected, OSError):
            pass
        print("counts", *("%d=%d" % c for c in sorted(counts.items())))
        sys.exit(0)
    codes = [said(s.rcpt(r)) for r in to.split(",")]
    if 250 not in codes:
        sys.exit(1)
    if "raw" in words:
        said(s.docmd("DATA"))
        s.send(letter + b"\r\n.\r\n")
        code = said(s.getreply())
    else:
        code = said(s.data(letter))
    said(s.quit())
    sys.exit(0 if code == 250 and set(codes) == {250} else 1)
except smtplib.SMTPResponseException as e:
    said((e.smtp_code, e.smtp_error if isinstance(e.smtp_error, bytes) else e.smtp_error.encode()))
    sys.exit(1)
except smtplib.SMTPException as e:
    print(e)
    sys.exit(1)
