import asyncio
import os
import threading

import pytest

from judge.background import at_home, home_loop, wait_at_home


async def where() -> tuple[asyncio.AbstractEventLoop, str]:
    return asyncio.get_running_loop(), threading.current_thread().name


def test_there_is_one_loop_in_a_thread_of_its_own():
    home = home_loop()
    assert home_loop() is home
    assert wait_at_home(where()) == (home, "judge")
    assert asyncio.run(at_home(where())) == (home, "judge")


def test_all_threads_meet_on_it():
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(wait_at_home(where()))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {(home_loop(), "judge")}


async def test_waiting_works_inside_a_running_loop():
    assert wait_at_home(where())[0] is home_loop()


def test_at_home_nothing_hops():
    async def twice():
        return await at_home(where())

    assert wait_at_home(twice())[0] is home_loop()


def test_waiting_at_home_for_home_is_refused():
    async def deadlock():
        wait_at_home(where())

    with pytest.raises(RuntimeError, match="await the async form"):
        wait_at_home(deadlock())


async def broken():
    raise KeyError("x")


async def test_an_exception_comes_back():
    with pytest.raises(KeyError, match="x"):
        await at_home(broken())
    with pytest.raises(KeyError, match="x"):
        wait_at_home(broken())


async def test_cancelling_here_cancels_there():
    started, ended = threading.Event(), threading.Event()

    async def endless():
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(at_home(endless()))
    while not started.is_set():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.wait(10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_a_loop_of_its_own():
    wait_at_home(where())
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if wait_at_home(where())[1] == "judge" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
