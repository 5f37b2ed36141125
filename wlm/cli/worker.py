"""`wlm worker`: runs accepted events in the background, on this machine or many."""

from __future__ import annotations

from typing import Annotated

import typer


def worker(
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Events that one process runs at once (worker_threads)."),
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="Worker processes; 1 thread each isolates skills.")
    ] = 1,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
    suspects: Annotated[bool, typer.Option("--suspects", hidden=True)] = False,
) -> None:
    """Run accepted events until stopped; SIGTERM lets running ones finish first.

    SIGHUP takes new settings and skills, in new processes.
    """
    if child:
        _work_alone() if suspects else _work(threads)
        return
    import sys

    from wlm.events.supervisor import Supervisor
    from wlm.sdk.assistant import Assistant

    with Assistant() as assistant:
        _ = assistant.engine.bell  # a wrong setting shows here, once
        _ = assistant.registry
        settings = assistant.settings.config
    count = threads or settings.worker_threads
    typer.echo(f"{processes} × {count} threads; Ctrl-C stops.", err=True)
    command = [sys.executable, "-m", "wlm.cli.main", "worker", "--child"]
    given = ["--threads", str(threads)] if threads else []  # else as the settings say then
    supervisor = Supervisor(
        [*command, *given],
        processes,
        grace=settings.drain_seconds + 5,
        quarantine=[*command, "--suspects"],
    )
    killed = supervisor.run()
    with Assistant() as assistant:
        # What they did not finish. They could not give it back while they still ran it.
        assistant.engine.recover(stopped=True)
    raise typer.Exit(killed)


def _work(threads: int | None) -> None:
    from wlm import trace
    from wlm.events.dispatch import Crew
    from wlm.events.supervisor import bound_memory, tie_to_parent
    from wlm.sdk.assistant import Assistant

    with Assistant() as assistant:
        settings = assistant.settings.config
        bound_memory(settings.worker_memory_mb)
        crew = Crew(
            assistant.engine,
            threads or settings.worker_threads,
            settings.drain_seconds,
            tie_to_parent(),
        )
        trace.start(settings.otlp_endpoint, "worker")
        try:
            crew.run()
        finally:
            trace.stop()


def _work_alone() -> None:
    from wlm import trace
    from wlm.events.quarantine import Quarantine
    from wlm.events.supervisor import bound_memory, tie_to_parent
    from wlm.sdk.assistant import Assistant

    with Assistant() as assistant:
        settings = assistant.settings.config
        bound_memory(settings.worker_memory_mb)
        tie_to_parent()
        trace.start(settings.otlp_endpoint, "worker")
        try:
            Quarantine(assistant.engine).run()
        finally:
            trace.stop()
