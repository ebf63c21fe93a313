"""scheduler_story.py MASTER URI... - pymesos' scheduler driver from the first offer to the teardown.

The URIs are fetched into the executor's sandbox: pymesos itself, packed, and executor.py.
"""
import logging
import sys

from pymesos import MesosSchedulerDriver, Scheduler, decode_data, encode_data

from story import Story, expect

logging.basicConfig(level=logging.INFO)
story = Story()
master, uris = sys.argv[1], sys.argv[2:]


def scalar(name, value):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


RESOURCES = [scalar("cpus", 0.1), scalar("mem", 32)]


class Teller(Scheduler):
    def registered(self, driver, framework_id, master_info):
        story.add("registered", framework_id["value"])

    def resourceOffers(self, driver, offers):
        for offer in offers:
            story.add("offer", offer)

    def statusUpdate(self, driver, update):
        story.add("update", update)

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        story.add("message", (executor_id["value"], decode_data(message).decode()))

    def executorLost(self, driver, executor_id, agent_id, status):
        story.add("executor lost", (executor_id["value"], status))

    def error(self, driver, message):
        story.add("error", message)


def task(name, agent, **more):
    return dict({"name": name, "task_id": {"value": name}, "agent_id": agent, "resources": RESOURCES}, **more)


def command(line):
    return {
        "command": {"shell": True, "value": line},
        "container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "busybox"}}}},
    }


def under_executor(data):
    line = "PYTHONPATH=$MESOS_SANDBOX exec /usr/bin/python3 -u executor.py"
    return {
        "executor": {
            "executor_id": {"value": "echo"},
            "framework_id": {"value": driver.framework_id},
            "name": "echo",
            "command": {"shell": True, "value": line, "uris": [{"value": uri} for uri in uris]},
            "resources": RESOURCES,
        },
        "data": encode_data(data.encode()),
    }


def update(task_id, *states):
    return story.wait("update", lambda u: u["task_id"]["value"] == task_id and u["state"] in states)


framework = {"user": "root", "name": "pymesos", "hostname": "localhost"}
driver = MesosSchedulerDriver(Teller(), framework, master)
driver.start()
story.wait("registered")
offer = story.wait("offer")
agent = offer["agent_id"]
for resource in offer["resources"]:
    expect(resource["name"] and resource["type"], "an offer's resource has a name and a type")

driver.launchTasks(offer["id"], [
    task("good", agent, **command("echo out; exit 0")),
    task("bad", agent, **command("exit 3")),
    task("long", agent, **command("sleep 1000")),
    task("first", agent, **under_executor("data of the first")),
    task("second", agent, **under_executor("data of the second")),
], {"refuse_seconds": 0})

expect("exit code 3" in update("bad", "TASK_FAILED")["message"], "a failed task's update says how it ended")
update("good", "TASK_FINISHED")
update("long", "TASK_RUNNING")
expect(update("first", "TASK_RUNNING")["message"] == "data of the first", "the task's data reaches its executor")
expect(update("second", "TASK_RUNNING")["source"] == "SOURCE_EXECUTOR", "an executor's update says who it is from")

driver.sendFrameworkMessage({"value": "echo"}, agent, encode_data(b"hello"))
story.wait("message", lambda m: m == ("echo", "echo hello"))

driver.reconcileTasks([{"task_id": {"value": "long"}}])
story.wait("update", lambda u: u.get("reason") == "REASON_RECONCILIATION" and u["task_id"]["value"] == "long")
driver.reconcileTasks([])
for name in ("long", "first", "second"):
    story.wait("update", lambda u: u.get("reason") == "REASON_RECONCILIATION" and u["task_id"]["value"] == name)
driver.reconcileTasks([{"task_id": {"value": "stranger"}}])
update("stranger", "TASK_LOST")

driver.killTask({"value": "long"})
update("long", "TASK_KILLED")
driver.killTask({"value": "second"})
expect(update("second", "TASK_KILLED")["message"] == "as ordered", "a kill reaches the executor")
driver.sendFrameworkMessage({"value": "echo"}, agent, encode_data(b"finish first"))
update("first", "TASK_FINISHED")

driver.suppressOffers()
driver.reviveOffers()
again = story.wait("offer", lambda o: o["id"] != offer["id"])
driver.declineOffer(again["id"], {"refuse_seconds": 4294967295})
driver.requestResources([{"agent_id": agent, "resources": RESOURCES}])

seen = [u["uuid"] for u in story.all("update") if "uuid" in u]
expect(len(seen) == len(set(seen)), "an acknowledged update is not sent again")
expect(not story.all("error"), "the master reports no error")
driver.stop()
driver.join()
print("the story has ended well")
