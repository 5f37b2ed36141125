"""`python -m bench.uploads FOLDER`: recordings of many clients, against raw faster-whisper.

FOLDER has recordings and a `manifest.jsonl`. Its dictation is joined to files of three minutes,
repeated until there are `--minutes` of it; `--clients` upload them to a real gateway and wait for
the words. The raw side transcribes the same files one after the other in one process, with the
batch size that is best on this machine for these files. Memory of the gateway is sampled all the
while. At the end a client leaves in the middle, and it is timed when the gateway stops to work.
"""

from __future__ import annotations

import argparse
import http.client
import os
import queue
import sys
import tempfile
import threading
import time
import wave
from pathlib import Path

import httpx
import numpy as np

from bench import speech_material as material
from tests.support.gateway import Gateway
from wlm.config import load
from wlm.pipeline.transcribe.models import find_model

FILE_SECONDS = 180.0
BATCHES = (1, 2, 4, 8)
OPEN = {"rate_limit": "", "rate_limit_address": "", "rate_limit_sign_in": ""}
_TICKS = os.sysconf("SC_CLK_TCK")
_QUIET = 0.3  # s without work until a job counts as stopped


def main() -> int:
    """Measure and print; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="recordings with a manifest.jsonl")
    parser.add_argument("--minutes", type=float, default=12.0, help="speech in all; 60 for the bar")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--model", default="tiny.en")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = _files(options.folder, Path(folder), options.minutes)
        seconds = sum(_seconds(file) for file in files)
        raw, batch = _raw(files, options.model)
        print(f"raw faster-whisper, batch {batch}: {raw:.1f} s for {seconds:.0f} s of speech")
        gateway = Gateway(Path(folder), stt_model=options.model, **OPEN).wait()
        try:
            goals = _gateway(gateway, files, options.clients, raw)
        finally:
            gateway.stop()
    for goal, met in goals.items():
        print(f"{'met   ' if met else 'MISSED'} {goal}")
    return int(not all(goals.values()))


def _gateway(gateway: Gateway, files: list[Path], clients: int, raw: float) -> dict[str, bool]:
    key = gateway.key("bench@example.org")
    _upload(gateway, key, files[0])  # everything is loaded
    pids = _family(gateway.process.pid)
    spent, series, failed = _together(gateway, key, files, clients, pids)
    print(f"gateway, {clients} clients:  {spent:.1f} s, {raw / spent:.2f} times raw's throughput; "
          f"failed: {failed}")  # fmt: skip
    shown = series[:: max(1, len(series) // 12)]
    print(f"memory {', '.join(f'{mb:.0f}' for mb in shown)} MB, at most {max(series):.0f} MB")
    stopped = [_leave(gateway, key, files[0], pids, after) for after in (0.5, 1.0, 1.5)]
    print(f"a client that leaves: stopped after {', '.join(f'{s:.1f}' for s in stopped)} s")
    half = len(series) // 2
    return {
        "every upload is answered with its words": not failed,
        "at least 0.95 of raw's throughput": raw / spent >= 0.95,
        "memory does not grow": max(series[half:]) <= 1.15 * max(series[:half] or [1.0]),
        "a job stops within 2 s after its client left": max(stopped) <= 2.0,
    }


def _files(source: Path, folder: Path, minutes: float) -> list[Path]:
    """Recordings of English dictation of about three minutes each; no two alike while they last."""
    clips = [c for c in material.recordings(source)
             if c.language == "en" and c.category in ("dictation", "long")]  # fmt: skip
    made = []
    for number in range(max(1, round(minutes * 60 / FILE_SECONDS))):
        turn = number % len(clips)
        clip = material.joined(clips[turn:] + clips[:turn], FILE_SECONDS)
        path = folder / f"upload-{number:02}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, material.RATE, 0, "NONE", ""))
            file.writeframes((clip.samples * 32767).astype(np.int16).tobytes())
        made.append(path)
    return made


def _seconds(file: Path) -> float:
    with wave.open(str(file)) as opened:
        return opened.getnframes() / opened.getframerate()


def _raw(files: list[Path], model: str) -> tuple[float, int]:
    """Seconds for all files with the batch size that is best on the first, and that size."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    found = find_model(load({"stt_model": model}))
    batched = BatchedInferencePipeline(
        WhisperModel(str(found.folder), device="cpu", compute_type="int8")
    )

    def hear(file: Path, size: int) -> float:
        start = time.perf_counter()
        segments, _ = batched.transcribe(str(file), language="en", beam_size=1, batch_size=size)
        assert "".join(segment.text for segment in segments).strip()
        return time.perf_counter() - start

    hear(files[0], 1)
    best = min(BATCHES, key=lambda size: hear(files[0], size))
    return sum(hear(file, best) for file in files), best


def _together(
    gateway: Gateway, key: str, files: list[Path], clients: int, pids: list[int]
) -> tuple[float, list[float], int]:
    """Seconds until all are written down, the gateway's memory on the way, and how many failed."""
    waiting: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for file in files:
        waiting.put(file)
    failed: list[str] = []
    over = threading.Event()
    series: list[float] = []

    def work() -> None:
        while True:
            try:
                file = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                _upload(gateway, key, file)
            except (httpx.HTTPError, AssertionError) as error:
                failed.append(repr(error))

    def sample() -> None:
        while not over.wait(0.5):
            series.append(sum(map(_resident, pids)))

    sampler = threading.Thread(target=sample)
    sampler.start()
    start = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - start
    over.set()
    sampler.join()
    for line in failed[:5]:
        print(f"  {line}")
    return spent, series or [sum(map(_resident, pids))], len(failed)


def _upload(gateway: Gateway, key: str, file: Path) -> None:
    with file.open("rb") as opened:
        answer = httpx.post(
            f"{gateway.url}/v1/audio/transcriptions",
            headers={"Authorization": f"Bearer {key}"},
            files={"file": (file.name, opened, "audio/wav")},
            data={"model": "whisper-1", "language": "en"},
            timeout=600,
        )
    assert answer.status_code == 200 and answer.json()["text"], answer.text[:200]


def _leave(gateway: Gateway, key: str, file: Path, pids: list[int], after: float) -> float:
    """Upload, leave that many seconds later; seconds from then until nothing is worked on."""
    _settle(pids)
    edge = b"wlm-bench-edge"
    head = (
        b"--" + edge + b'\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n"
    )
    body = head + file.read_bytes() + b"\r\n--" + edge + b"--\r\n"
    host, port = gateway.bind.split(":")
    connection = http.client.HTTPConnection(host, int(port))
    connection.request(
        "POST",
        "/v1/audio/transcriptions",
        body,
        {
            "Authorization": f"Bearer {key}",
            "Content-Type": f"multipart/form-data; boundary={edge.decode()}",
        },
    )
    time.sleep(after)
    assert _works(pids, 0.1), "it is not worked on"
    connection.close()
    left = time.perf_counter()
    return _settle(pids) - left


def _settle(pids: list[int]) -> float:
    """Wait until nothing is worked on; the moment since when."""
    ends = time.perf_counter() + 60
    while time.perf_counter() < ends:
        since = time.perf_counter()
        if not _works(pids, _QUIET):
            return since
    raise RuntimeError("it never stops")


def _works(pids: list[int], seconds: float) -> bool:
    """Whether the processes use more than a fifth of a core for that long."""
    before = sum(map(_cpu, pids))
    time.sleep(seconds)
    return sum(map(_cpu, pids)) - before > 0.2 * seconds


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(pid: int) -> float:
    """Megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


if __name__ == "__main__":
    sys.exit(main())
