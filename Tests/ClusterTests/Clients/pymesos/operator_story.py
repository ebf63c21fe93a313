"""operator_story.py MASTER AGENT - pymesos' operator drivers: what they ask of a master and an agent, and its events."""
import sys
import time

from pymesos import (
    MesosOperatorAgentDriver, MesosOperatorMasterDriver, MesosSchedulerDriver, OperatorMaster, Scheduler,
)

from story import Story, expect

master, agent = sys.argv[1:3]
story = Story()


class Watcher(OperatorMaster):
    def taskAdded(self, task):
        story.add("task added", task)

    def taskUpdated(self, event):
        story.add("task updated", event)

    def frameworkAdded(self, framework):
        story.add("framework added", framework)

    def frameworkUpdated(self, framework):
        story.add("framework updated", framework)

    def frameworkRemoved(self, framework):
        story.add("framework removed", framework)

    def agentAdded(self, event):
        story.add("agent added", event)

    def agentRemoved(self, event):
        story.add("agent removed", event)


class Launcher(Scheduler):
    """Runs one task without an end."""

    launched = False

    def resourceOffers(self, driver, offers):
        offer = offers[0]
        if self.launched:
            driver.declineOffer(offer["id"])
            return
        self.launched = True
        driver.launchTasks(offer["id"], [{
            "name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"],
            "command": {"shell": True, "value": "sleep 1000"},
            "container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "busybox"}}}},
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
            ],
        }])

    def statusUpdate(self, driver, update):
        story.add("update", update)


def answered(driver, names):
    """Calls every method and expects an answer of its type with the member of that name."""
    for name in names:
        kind = "".join("_" + c.lower() if c.isupper() else c for c in name)
        answer = getattr(driver, name)()
        expect(answer.get("type") == kind.upper(), "%s is answered by its type, not %r" % (name, answer))
        expect(kind in answer, "%s is answered with %s, not %r" % (name, kind, answer))


watcher = MesosOperatorMasterDriver(master, Watcher())
watcher.start()
# It subscribes in a thread of its own; what happens before that is told as no event.
deadline = time.monotonic() + 240
while not watcher.connected:
    expect(time.monotonic() < deadline, "the watcher is subscribed")
    time.sleep(0.01)
operator = MesosOperatorMasterDriver(master)
answered(operator, [
    "getHealth", "getFlags", "getVersion", "getState", "getFrameworks", "getExecutors", "getTasks", "getAgents",
    "getRoles", "getWeights", "getMaster", "getMaintenanceStatus", "getMaintenanceSchedule", "getQuota",
    "getLoggingLevel",
])
expect(operator.getMetrics(5 * 10 ** 9)["get_metrics"]["metrics"], "there are metrics")
operator.updateWeights([{"role": "dev", "weight": 2.5}])
weights = operator.getWeights()["get_weights"]["weight_infos"]
expect({"role": "dev", "weight": 2.5} in weights, "the weight is set: %r" % weights)
agents = operator.getAgents()["get_agents"]["agents"]
expect(len(agents) == 1 and agents[0]["active"], "there is one agent: %r" % agents)

framework = {"user": "root", "name": "watched"}
launcher = MesosSchedulerDriver(Launcher(), framework, master)
launcher.start()
story.wait("framework added", lambda f: f["framework_info"]["name"] == "watched")
story.wait("task added", lambda t: t["task_id"]["value"] == "t")
story.wait("task updated", lambda e: e["state"] == "TASK_RUNNING")
expect(
    any(t["task_id"]["value"] == "t" for t in operator.getTasks()["get_tasks"]["tasks"]), "the task is listed")

local = MesosOperatorAgentDriver(agent)
answered(local, [
    "getHealth", "getFlags", "getVersion", "getState", "getFrameworks", "getExecutors", "getTasks", "getContainers",
    "getLoggingLevel",
])
containers = local.getContainers()["get_containers"]["containers"]
expect(len(containers) == 1, "the task's container is listed: %r" % containers)
parent = containers[0]["container_id"]["value"]
local.launchNestedContainer({
    "container_id": {"value": "inner", "parent": {"value": parent}},
    "command": {"shell": True, "value": "exit 4"},
    "container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "busybox"}}}},
})
local.waitNestedContainer("inner", parent)  # gives nothing back, whatever the agent answers
local.removeNestedContainer("inner", parent)

launcher.stop()
launcher.join()
story.wait("framework removed", lambda f: f["name"] == "watched")
story.wait("task updated", lambda e: e["state"] == "TASK_KILLED")
done = operator.getFrameworks()["get_frameworks"]["completed_frameworks"]
expect(any(f["framework_info"]["name"] == "watched" for f in done), "the framework is remembered")
watcher.stop()
print("the story has ended well")
