"""Runs a program, and says what it took: its exit status and peak resident memory, as JSON in a file.

    python3 peak.py FILE SECONDS PROGRAM ARGUMENTS...

After SECONDS the program is killed.
"""

import json
import os
import subprocess
import sys
import threading

report, seconds, *command = sys.argv[1:]
process = subprocess.Popen(command)
killer = threading.Timer(float(seconds), process.kill)
killer.start()
_, ended, usage = os.wait4(process.pid, 0)
killer.cancel()
with open(report, "w", encoding="utf-8") as file:
    # Linux counts kilobytes of 1024.
    json.dump({"exit": os.waitstatus_to_exitcode(ended), "peak_bytes": usage.ru_maxrss * 1024}, file)
