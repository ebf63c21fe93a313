"""A custom executor on pymesos: reports its tasks as running, echoes messages, ends tasks as messages and kills say."""
import sys

from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class Echo(Executor):
    def update(self, driver, task_id, state, message=None):
        status = {"task_id": task_id, "state": state}
        if message:
            status["message"] = message
        driver.sendStatusUpdate(status)

    def registered(self, driver, executor_info, framework_info, agent_info):
        print("registered", executor_info["executor_id"]["value"], flush=True)

    def launchTask(self, driver, task):
        print("launch", task["task_id"]["value"], flush=True)
        self.update(driver, task["task_id"], "TASK_RUNNING", decode_data(task["data"]).decode())

    def frameworkMessage(self, driver, data):
        text = decode_data(data).decode()
        print("message", text, flush=True)
        if text.startswith("finish "):
            self.update(driver, {"value": text.split()[1]}, "TASK_FINISHED", "as told")
        else:
            driver.sendFrameworkMessage(encode_data(("echo " + text).encode()))

    def killTask(self, driver, task_id):
        self.update(driver, task_id, "TASK_KILLED", "as ordered")

    def shutdown(self, driver):
        print("shutdown", flush=True)

    def error(self, driver, message):
        print("error", message, file=sys.stderr, flush=True)


driver = MesosExecutorDriver(Echo())
driver.run()
