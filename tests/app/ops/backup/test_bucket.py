"""Buckets: where the name of one stands in an address, and how a process ends that has used one."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
import urllib.request

from app.ops.backup.bucket import in_host_name, let_answers_end
from tests.support.s3 import s3_server
from tests.support.serving import ROOT, clean_environment

# A thread hands a result over and goes on after the loop has it, and the interpreter takes its time to end: both as on
# a busy machine.
ASKS_A_BUCKET = """
import asyncio, sys, time, obstore
from app.ops.backup.bucket import s3_store
from app.settings.fields import Settings

class SlowToReturn(asyncio.SelectorEventLoop):
    def call_soon_threadsafe(self, *args, **kwargs):
        made = super().call_soon_threadsafe(*args, **kwargs)
        time.sleep(0.3)
        return made

class SlowToEnd:
    def __del__(self, sleep=time.sleep):
        sleep(1)

async def ask():
    store = s3_store(Settings(backup_s3_endpoint=sys.argv[1]), "bucket")
    await obstore.put_async(store, "a", b"b")

sys.slow = SlowToEnd()
loop = SlowToReturn()
loop.run_until_complete(ask())
print("done")
"""


def test_a_bucket_in_the_host_name_as_alibaba_cloud_asks_for() -> None:
    assert in_host_name("https://oss-cn-hangzhou.aliyuncs.com", "b") == "https://b.oss-cn-hangzhou.aliyuncs.com"


def test_a_process_ends_well_while_a_thread_of_the_store_still_hands_its_answer_over() -> None:
    keys = {"BACKUP_S3_ACCESS_KEY_ID": "key", "BACKUP_S3_SECRET_ACCESS_KEY": "made-up"}
    with s3_server() as url:
        urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT"))
        ended = subprocess.run(
            [sys.executable, "-c", ASKS_A_BUCKET, url],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=clean_environment(**keys),
            timeout=60,
            check=False,
        )
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr


def test_the_wait_for_such_a_thread_has_a_limit() -> None:
    held = _thread.allocate_lock()
    held.acquire()
    begun, ended = threading.Event(), list[bool]()

    def hold() -> None:
        begun.set()
        held.acquire()
        ended.append(True)

    _thread.start_new_thread(hold, ())  # `threading` does not know it, as it does not know a thread of obstore
    assert begun.wait(30)
    let_answers_end(0.1)
    assert not ended
    held.release()
    let_answers_end(30)
    assert ended
