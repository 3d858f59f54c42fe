# local.py SOCKET USER — says the lines of standard input to the socket, one at a time, and prints the replies.  USER is the
# login that the process becomes; "-": it stays what it is.
import os, pwd, socket, sys

path, user = sys.argv[1:3]
if user != "-":
    p = pwd.getpwnam(user)
    os.setgid(p.pw_gid)
    os.setuid(p.pw_uid)
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(path)
f = s.makefile("rb")


def reply():
    while True:
        line = f.readline()
        if not line:
            sys.exit(0)
        print(line.decode().rstrip("\r\n"))
        if line[3:4] != b"-":
            return


reply()
inside = False
for line in sys.stdin.read().split("\n")[:-1]:
    s.sendall(line.encode() + b"\r\n")
    if inside and line != ".":
        continue
    reply()
    inside = line == "DATA"
