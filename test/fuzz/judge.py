"""Python's own reading, as a second judge: of every line `name` on standard input one line of JSON.

zip NAME   {"files": [[name, sha256 of the bytes], ...]} of the wanted files, or {"error": "..."}
json NAME  {} where json.loads takes the bytes of the file, or {"error": "..."}: several values in a file, each behind its length (4 bytes)
"""
import hashlib
import json
import struct
import sys
import zipfile


def words(error):
    return {"error": f"{type(error).__name__}: {error}"[:300]}


def wanted(name):
    parts = name.replace("\\", "/").split("/")
    return name.endswith(".json") and not parts[-1].startswith(".") and "__MACOSX" not in parts


def judge_zip(path):
    try:
        files = []
        with zipfile.ZipFile(path) as drop:
            for info in drop.infolist():
                if wanted(info.orig_filename):
                    if info.file_size > 100_000_000:
                        raise ValueError("too large")
                    files.append([info.orig_filename, hashlib.sha256(drop.read(info)).hexdigest()])
        return {"files": files}
    except Exception as error:
        return words(error)


def judge_json(path):
    with open(path, "rb") as file:
        data = file.read()
    at, answers = 0, []
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        try:
            json.loads(data[at + 4 : at + 4 + length])
            answers.append({})
        except Exception as error:
            answers.append(words(error))
        at += 4 + length
    return answers


for line in sys.stdin:
    kind, path = line.rstrip("\n").split(" ", 1)
    print(json.dumps(judge_zip(path) if kind == "zip" else judge_json(path)), flush=True)
