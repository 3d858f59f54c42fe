# stdin_smtp.py COMMAND... — gives a letter to a program that speaks SMTP on its standard input.  Its first commands are the
# lines of our own; the next one is said when the reply has come.  Prints the replies.
import subprocess, sys

p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def reply():
    while True:
        line = p.stdout.readline().decode()
        print(line, end="")
        if not line or line[3:4] != "-":
            return


reply()
for line in sys.stdin.read().splitlines() + ["DATA", "From: alice@a.test\r\n\r\nx\r\n.", "QUIT"]:
    p.stdin.write(line.encode() + b"\r\n")
    p.stdin.flush()
    reply()
sys.exit(p.wait(60))
