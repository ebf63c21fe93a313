import ClusterModel
import Containers
import Diagnostics
import Testing

@testable import ClusterAPI

/// Every field of a task, at any depth, as the protocol's own descriptors list them: setting it changes what the agent
/// does, or is refused by its name, or is information that is only passed on and that says so here. A field that comes
/// into the protocol and is forgotten here fails the test; so does one that is silently ignored.
@Suite("Every field of the protocol's tasks")
struct ProtocolFieldTests {
    /// What comes of setting a field.
    enum Outcome: Sendable {
        /// What the agent does is different.
        case honoured
        /// The task is refused, and the sentence has these words.
        case refused(String)
        /// Nothing is done differently, and whoever asks for the task is told it.
        case told
        /// Nothing is different, because what it asks for is always so.
        case always(String)
    }

    struct Case: Sendable {
        var path: String
        /// Names of `contexts` that the task has before.
        var context: [String]
        /// JSON to be set there.
        var value: String
        var outcome: Outcome

        init(_ path: String, _ value: String, _ outcome: Outcome, _ context: String...) {
            (self.path, self.context, self.value, self.outcome) = (path, context, value, outcome)
        }
    }

    static let base = """
        {"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "A"}, "command": {"value": "run"}, "resources": [
          {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}},
          {"name": "mem", "type": "SCALAR", "scalar": {"value": 64}},
          {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31009}]}}],
         "container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "busybox"}}}}}
        """

    /// What a task has for a field to mean something.
    static let contexts: [String: String] = [
        "executor": #"{"command": null, "executor": {"executor_id": {"value": "e"}, "command": {"value": "x"}}}"#,
        "program": #"{"command": {"shell": false, "value": "/bin/x", "arguments": ["x"]}}"#,
        "fetch": #"{"command": {"uris": [{"value": "http://h/f.tar"}]}}"#,
        "variable": #"{"command": {"environment": {"variables": [{"name": "A", "value": "1"}]}}}"#,
        "health": #"{"health_check": {"type": "COMMAND", "command": {"value": "test"}}}"#,
        "health-http": #"{"health_check": {"type": "HTTP", "http": {"port": 80}}}"#,
        "health-tcp": #"{"health_check": {"type": "TCP", "tcp": {"port": 80}}}"#,
        "health-both": #"{"health_check": {"command": {"value": "test"}, "tcp": {"port": 80}}}"#,
        "health-fetch": #"{"health_check": {"command": {"uris": [{"value": "http://h/f"}]}}}"#,
        "health-variable":
            #"{"health_check": {"command": {"environment": {"variables": [{"name": "A", "value": "1"}]}}}}"#,
        "health-program": #"{"health_check": {"command": {"shell": false, "value": "/bin/x", "arguments": ["x"]}}}"#,
        "check": #"{"check": {"type": "COMMAND", "command": {"command": {"value": "test"}}}}"#,
        "check-http": #"{"check": {"type": "HTTP", "http": {"port": 80}}}"#,
        "check-tcp": #"{"check": {"type": "TCP", "tcp": {"port": 80}}}"#,
        "check-both": #"{"check": {"command": {"command": {"value": "test"}}, "tcp": {"port": 80}}}"#,
        "check-fetch": #"{"check": {"command": {"command": {"uris": [{"value": "http://h/f"}]}}}}"#,
        "check-variable":
            #"{"check": {"command": {"command": {"environment": {"variables": [{"name": "A", "value": "1"}]}}}}}"#,
        "check-program":
            #"{"check": {"command": {"command": {"shell": false, "value": "/bin/x", "arguments": ["x"]}}}}"#,
        "volume": #"{"container": {"volumes": [{"container_path": "/x", "mode": "RO"}]}}"#,
        "volume-image": #"{"container": {"volumes": [{"image": {"type": "DOCKER", "docker": {"name": "i"}}}]}}"#,
        "volume-driver":
            #"{"container": {"volumes": [{"source": {"type": "DOCKER_VOLUME", "docker_volume": {"name": "v"}}}]}}"#,
        "volume-option":
            """
            {"container": {"volumes": [{"source": {"docker_volume": {"driver_options": {"parameter":
              [{"key": "k", "value": "v"}]}}}}]}}
            """,
        "volume-sandbox":
            #"{"container": {"volumes": [{"source": {"type": "SANDBOX_PATH", "sandbox_path": {"path": "p"}}}]}}"#,
        "volume-secret": #"{"container": {"volumes": [{"source": {"type": "SECRET"}}]}}"#,
        "volume-host": #"{"container": {"volumes": [{"source": {"type": "HOST_PATH", "host_path": {"path": "p"}}}]}}"#,
        "volume-storage": #"{"container": {"volumes": [{"source": {"type": "CSI_VOLUME"}}]}}"#,
        "docker": #"{"container": {"type": "DOCKER", "mesos": null, "docker": {"image": "i"}}}"#,
        "docker-bridge": #"{"container": {"docker": {"network": "BRIDGE"}}}"#,
        "docker-port":
            #"{"container": {"docker": {"port_mappings": [{"host_port": 31001, "container_port": 80}]}}}"#,
        "parameter": #"{"container": {"docker": {"parameters": [{"key": "env", "value": "A=1"}]}}}"#,
        "bridge": #"{"container": {"network_infos": [{"name": "bridge"}]}}"#,
        "address": #"{"container": {"network_infos": [{"ip_addresses": [{}]}]}}"#,
        "port":
            #"{"container": {"network_infos": [{"port_mappings": [{"host_port": 31001, "container_port": 80}]}]}}"#,
        "rlimit": #"{"container": {"rlimit_info": {"rlimits": [{"type": "RLMT_CORE", "soft": 1, "hard": 2}]}}}"#,
        "terminal": #"{"container": {"tty_info": {"window_size": {"rows": 1, "columns": 1}}}}"#,
    ]

    static let cases: [Case] = taskCases + checkCases + containerCases + volumeCases

    static let taskCases: [Case] = [
        Case("name", #""u""#, .told), Case("task_id.value", #""u""#, .honoured),
        Case("agent_id.value", #""B""#, .refused("meant for agent 'B'")),
        Case("resources", #"{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2}}"#, .honoured),
        Case(
            "executor", #"{"executor_id": {"value": "e"}, "command": {"value": "x"}}"#,
            .refused("either a command or an executor")),
        Case("data", #""AA==""#, .told), Case("labels", #"{"labels": [{"key": "k", "value": "v"}]}"#, .told),
        Case("discovery", #"{"visibility": "CLUSTER"}"#, .told),
        Case("kill_policy.grace_period", #"{"nanoseconds": 7000000000}"#, .honoured),
        Case("max_completion_time", #"{"nanoseconds": 9000000000}"#, .honoured),
        Case("limits", #"{"mem": {"value": 128}}"#, .honoured),
        Case("command.value", #""walk""#, .honoured), Case("command.user", #""1000""#, .honoured),
        Case("command.shell", "false", .honoured), Case("command.arguments", #""y""#, .honoured, "program"),
        Case("command.arguments", #""y""#, .refused("command.arguments")),
        Case("command.uris.value", #""http://h/g""#, .honoured, "fetch"),
        Case("command.uris.executable", "true", .honoured, "fetch"),
        Case("command.uris.extract", "false", .honoured, "fetch"),
        Case("command.uris.cache", "true", .honoured, "fetch"),
        Case("command.uris.output_file", #""g""#, .honoured, "fetch"),
        Case("command.environment.variables.name", #""B""#, .honoured, "variable"),
        Case("command.environment.variables.value", #""2""#, .honoured, "variable"),
        Case("command.environment.variables.type", #""SECRET""#, .refused("secret"), "variable"),
        Case(
            "command.environment.variables.secret", #"{"reference": {"name": "s"}}"#,
            .refused("environment.variables[0].secret"), "variable"),
        // Of the executor; its command and container go the way of a task's.
        Case("executor.executor_id", #"{"value": "f"}"#, .honoured, "executor"),
        Case("executor.command", #"{"value": "y"}"#, .honoured, "executor"),
        Case("executor.data", #""AA==""#, .told, "executor"),
        Case(
            "executor.resources", #"{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2}}"#, .honoured,
            "executor"),
        Case("executor.framework_id", #"{"value": "G"}"#, .refused("framework_id"), "executor"),
        Case("executor.name", #""n""#, .told, "executor"),
        Case("executor.source", #""s""#, .always("a name of before there were labels"), "executor"),
        Case("executor.container", #"{"type": "MESOS", "hostname": "h"}"#, .honoured, "executor"),
        Case("executor.discovery", #"{"visibility": "CLUSTER"}"#, .told, "executor"),
        Case("executor.shutdown_grace_period", #"{"nanoseconds": 1}"#, .honoured, "executor"),
        Case("executor.labels", #"{"labels": [{"key": "k"}]}"#, .told, "executor"),
        Case("executor.type", #""DEFAULT""#, .refused("default executor"), "executor"),
    ]

    static let checkCases: [Case] =
        commandCases("health_check.command", "health") + commandCases("check.command.command", "check") + [
            Case("health_check.type", #""TCP""#, .honoured, "health-both"),
            Case("health_check.http.port", "81", .honoured, "health-http"),
            Case("health_check.http.path", #""/up""#, .honoured, "health-http"),
            Case("health_check.http.scheme", #""https""#, .honoured, "health-http"),
            Case("health_check.http.statuses", "418", .honoured, "health-http"),
            Case("health_check.http.protocol", #""IPv6""#, .honoured, "health-http"),
            Case("health_check.tcp.port", "81", .honoured, "health-tcp"),
            Case("health_check.tcp.protocol", #""IPv6""#, .honoured, "health-tcp"),
            Case("health_check.delay_seconds", "3", .honoured, "health"),
            Case("health_check.interval_seconds", "3", .honoured, "health"),
            Case("health_check.timeout_seconds", "3", .honoured, "health"),
            Case("health_check.consecutive_failures", "1", .honoured, "health"),
            Case("health_check.grace_period_seconds", "100", .honoured, "health"),
            Case("check.type", #""TCP""#, .honoured, "check-both"),
            Case("check.http.port", "81", .honoured, "check-http"),
            Case("check.http.path", #""/up""#, .honoured, "check-http"),
            Case("check.tcp.port", "81", .honoured, "check-tcp"),
            Case("check.delay_seconds", "3", .honoured, "check"),
            Case("check.interval_seconds", "3", .honoured, "check"),
            Case("check.timeout_seconds", "3", .honoured, "check"),
        ]

    /// The command of a check at `path`, in the context of that name.
    static func commandCases(_ path: String, _ context: String) -> [Case] {
        let (fetch, variable) = ("\(context)-fetch", "\(context)-variable")
        return [
            Case("\(path).value", #""other""#, .honoured, context), Case("\(path).user", #""7""#, .honoured, context),
            Case("\(path).shell", "false", .honoured, context),
            Case("\(path).arguments", #""y""#, .honoured, context, "\(context)-program"),
            Case("\(path).arguments", #""y""#, .refused("arguments"), context),
            Case("\(path).uris.value", #""http://h/g""#, .refused("fetched for a check"), context),
            Case("\(path).uris.executable", "true", .refused("fetched for a check"), context, fetch),
            Case("\(path).uris.extract", "false", .refused("fetched for a check"), context, fetch),
            Case("\(path).uris.cache", "true", .refused("fetched for a check"), context, fetch),
            Case("\(path).uris.output_file", #""g""#, .refused("fetched for a check"), context, fetch),
            Case("\(path).environment.variables.name", #""B""#, .honoured, context, variable),
            Case("\(path).environment.variables.value", #""2""#, .honoured, context, variable),
            Case("\(path).environment.variables.type", #""SECRET""#, .refused("secret"), context, variable),
            Case(
                "\(path).environment.variables.secret", #"{"reference": {"name": "s"}}"#, .refused("secret"), context,
                variable),
        ]
    }
}
