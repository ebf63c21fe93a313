import ClusterAPI
import ClusterModel
import Diagnostics
import Testing

/// The protocol's own lists, written down once more: a name that is lost on the way shows here.
@Suite("Calls by name")
struct CallTableTests {
    private static let shared = [
        ("GET_HEALTH", ""), ("GET_FLAGS", ""), ("GET_VERSION", ""), ("GET_METRICS", ""),
        ("GET_METRICS", #""get_metrics":{"timeout":{"nanoseconds":5000000000}}"#), ("GET_LOGGING_LEVEL", ""),
        ("SET_LOGGING_LEVEL", #""set_logging_level":{"level":1,"duration":{"nanoseconds":"7"}}"#),
        ("LIST_FILES", #""list_files":{"path":"/x"}"#), ("READ_FILE", #""read_file":{"path":"/x","offset":0}"#),
    ]
    private static let agent = #""agent_id":{"value":"S"}"#
    private static let cpus = #"{"name":"cpus","type":"SCALAR","scalar":{"value":"0.5"}}"#
    private static let window =
        #"{"machine_ids":[{"hostname":"h"}],"unavailability":{"start":{"nanoseconds":1},"duration":{"nanoseconds":2}}}"#

    static let operatorCalls =
        shared
        + [
            "GET_STATE", "GET_AGENTS", "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_OPERATIONS", "GET_TASKS", "GET_ROLES",
            "GET_WEIGHTS", "GET_MASTER", "GET_MAINTENANCE_STATUS", "GET_MAINTENANCE_SCHEDULE", "GET_QUOTA", "SUBSCRIBE",
        ].map { ($0, "") } + [
            ("UPDATE_WEIGHTS", #""update_weights":{"weight_infos":{"role":"a","weight":2}}"#),
            ("RESERVE_RESOURCES", #""reserve_resources":{\#(agent),"source":[],"resources":[\#(cpus)]}"#),
            ("UNRESERVE_RESOURCES", #""unreserve_resources":{\#(agent),"resources":[\#(cpus)]}"#),
            ("CREATE_VOLUMES", #""create_volumes":{\#(agent),"volumes":[\#(cpus)]}"#),
            ("DESTROY_VOLUMES", #""destroy_volumes":{\#(agent),"volumes":[\#(cpus)]}"#),
            ("GROW_VOLUME", #""grow_volume":{"volume":\#(cpus),"addition":\#(cpus)}"#),
            ("SHRINK_VOLUME", #""shrink_volume":{\#(agent),"volume":\#(cpus),"subtract":{"value":64}}"#),
            ("UPDATE_MAINTENANCE_SCHEDULE", #""update_maintenance_schedule":{"schedule":{"windows":[\#(window)]}}"#),
            ("START_MAINTENANCE", #""start_maintenance":{"machines":[{"ip":"10.0.0.1"}]}"#),
            ("STOP_MAINTENANCE", #""stop_maintenance":{"machines":[{"ip":"10.0.0.1"}]}"#),
            ("DRAIN_AGENT", #""drain_agent":{\#(agent),"max_grace_period":{"seconds":5},"mark_gone":true}"#),
            ("DEACTIVATE_AGENT", #""deactivate_agent":{\#(agent)}"#),
            ("REACTIVATE_AGENT", #""reactivate_agent":{\#(agent)}"#),
            ("UPDATE_QUOTA", #""update_quota":{"quota_configs":[{"role":"a","limits":{"cpus":{"value":1}}}]}"#),
            ("SET_QUOTA", #""set_quota":{"quota_request":{"role":"a","guarantee":[\#(cpus)]}}"#),
            ("REMOVE_QUOTA", #""remove_quota":{"role":"a"}"#),
            ("TEARDOWN", #""teardown":{"framework_id":{"value":"F"}}"#),
            ("MARK_AGENT_GONE", #""mark_agent_gone":{\#(agent)}"#),
        ]

    private static let nested = #""container_id":{"value":"c","parent":{"value":"P"}}"#
    static let agentCalls =
        shared
        + [
            "GET_STATE", "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_TASKS", "GET_AGENT", "GET_OPERATIONS",
            "GET_RESOURCE_PROVIDERS", "GET_CONTAINERS", "PRUNE_IMAGES", "ADD_RESOURCE_PROVIDER_CONFIG",
            "UPDATE_RESOURCE_PROVIDER_CONFIG", "REMOVE_RESOURCE_PROVIDER_CONFIG", "MARK_RESOURCE_PROVIDER_GONE",
        ].map { ($0, "") } + [
            ("GET_CONTAINERS", #""get_containers":{"show_nested":"true","show_standalone":true}"#),
            ("LAUNCH_NESTED_CONTAINER", #""launch_nested_container":{\#(nested),"command":{"value":"true"}}"#),
            ("WAIT_NESTED_CONTAINER", #""wait_nested_container":{\#(nested)}"#),
            ("KILL_NESTED_CONTAINER", #""kill_nested_container":{\#(nested),"signal":15}"#),
            ("REMOVE_NESTED_CONTAINER", #""remove_nested_container":{\#(nested)}"#),
            ("LAUNCH_CONTAINER", #""launch_container":{"container_id":{"value":"c"},"resources":[\#(cpus)]}"#),
            ("WAIT_CONTAINER", #""wait_container":{\#(nested)}"#),
            ("KILL_CONTAINER", #""kill_container":{\#(nested)}"#),
            ("REMOVE_CONTAINER", #""remove_container":{\#(nested)}"#),
            ("LAUNCH_NESTED_CONTAINER_SESSION", #""launch_nested_container_session":{\#(nested)}"#),
            ("ATTACH_CONTAINER_INPUT", #""attach_container_input":{"type":"CONTAINER_ID",\#(nested)}"#),
            ("ATTACH_CONTAINER_OUTPUT", #""attach_container_output":{\#(nested)}"#),
            ("PRUNE_IMAGES", #""prune_images":{"excluded_images":[{"type":"DOCKER","docker":{"name":"b"}}]}"#),
        ]

    private static func body(_ type: String, _ content: String) -> [UInt8] {
        Array((#"{"type":"\#(type)","future":{"x":[1]}"# + (content.isEmpty ? "" : ",") + content + "}").utf8)
    }

    @Test("the master knows every call of its operator API", arguments: operatorCalls)
    func operatorCall(_ type: String, _ content: String) throws {
        #expect(try OperatorCall(Self.body(type, content)).typeName == type)
    }

    @Test("the agent knows every call of its operator API", arguments: agentCalls)
    func agentCall(_ type: String, _ content: String) throws {
        #expect(try AgentCall(Self.body(type, content)).typeName == type)
    }

    @Test(
        "what is no call of the master's is refused with its place",
        arguments: [
            ("GET_CONTAINERS", "", "api.member-missing", "type"), ("UNKNOWN", "", "api.call-unknown", "type"),
            ("get_state", "", "api.member-missing", "type"),
            ("TEARDOWN", "", "api.member-missing", "teardown"),
            ("TEARDOWN", #""teardown":{"framework_id":null}"#, "api.member-missing", "teardown.framework_id"),
            ("TEARDOWN", #""teardown":7"#, "api.member-type", "teardown"),
            (
                "TEARDOWN", #""teardown":{"framework_id":{"value":"a/b"}}"#, "identifier.invalid",
                "teardown.framework_id.value"
            ),
            ("REMOVE_QUOTA", #""remove_quota":{"role":"a//b"}"#, "role.invalid", "remove_quota.role"),
            ("REMOVE_QUOTA", #""remove_quota":{"role":5}"#, "api.member-type", "remove_quota.role"),
            (
                "UPDATE_WEIGHTS", #""update_weights":{"weight_infos":[{"role":"a","weight":0}]}"#, "api.member-invalid",
                "update_weights.weight_infos[0].weight"
            ),
            (
                "UPDATE_QUOTA", #""update_quota":{"quota_configs":[{"role":"a","guarantees":{"cpus":{"value":-1}}}]}"#,
                "scalar.invalid", "update_quota.quota_configs[0].guarantees.cpus.value"
            ),
            (
                "SET_QUOTA",
                #""set_quota":{"quota_request":{"role":"a","guarantee":[{"name":"p","type":"SET","set":{}}]}}"#,
                "api.member-invalid", "set_quota.quota_request.guarantee[0]"
            ),
            (
                "SET_QUOTA",
                #""set_quota":{"quota_request":{"role":"a","guarantee":[{"name":"cpus","type":"SCALAR","scalar":"#
                    + #"{"value":1},"reservations":[{"type":"DYNAMIC","role":"a"}]}]}}"#,
                "api.member-invalid", "set_quota.quota_request.guarantee[0]"
            ),
            (
                "SET_QUOTA",
                #""set_quota":{"quota_request":{"role":"a","guarantee":[{"name":"cpus","type":"SCALAR","scalar":"#
                    + #"{"value":1},"revocable":{}}]}}"#,
                "api.member-invalid", "set_quota.quota_request.guarantee[0]"
            ),
            (
                "DRAIN_AGENT", #""drain_agent":{"agent_id":{"value":"S"},"max_grace_period":{"seconds":-1}}"#,
                "api.member-invalid", "drain_agent.max_grace_period"
            ),
            (
                "DRAIN_AGENT", #""drain_agent":{"agent_id":{"value":"S"},"max_grace_period":"10mins"}"#,
                "api.member-type", "drain_agent.max_grace_period"
            ),
            (
                "START_MAINTENANCE", #""start_maintenance":{"machines":[{}]}"#, "api.member-invalid",
                "start_maintenance.machines[0].hostname"
            ),
            (
                "SET_LOGGING_LEVEL", #""set_logging_level":{"level":-1,"duration":{"nanoseconds":1}}"#,
                "api.member-type",
                "set_logging_level.level"
            ),
            ("READ_FILE", #""read_file":{"path":"/x","offset":0.5}"#, "api.member-type", "read_file.offset"),
            (
                "CREATE_VOLUMES",
                #""create_volumes":{"agent_id":{"value":"S"},"volumes":[{"name":"x","type":"HEAP"}]}"#,
                "api.member-missing", "create_volumes.volumes[0].type"
            ),
        ])
    func operatorRefusal(_ type: String, _ content: String, _ code: String, _ field: String) {
        let failure = #expect(throws: Failure.self) { try OperatorCall(Self.body(type, content)) }
        #expect(failure?.code.rawValue == code)
        #expect(failure?.field == field)
    }

    @Test(
        "what is no call of the agent's is refused with its place",
        arguments: [
            ("GET_AGENTS", "", "api.member-missing", "type"), ("SUBSCRIBE", "", "api.member-missing", "type"),
            ("UNKNOWN", "", "api.call-unknown", "type"),
            ("WAIT_CONTAINER", "", "api.member-missing", "wait_container"),
            (
                "WAIT_NESTED_CONTAINER", #""wait_nested_container":{"container_id":{"value":"c"}}"#,
                "api.member-invalid",
                "wait_nested_container.container_id.parent"
            ),
            (
                "KILL_CONTAINER", #""kill_container":{"container_id":{"value":"c"},"signal":65}"#, "api.member-invalid",
                "kill_container.signal"
            ),
            (
                "KILL_CONTAINER", #""kill_container":{"container_id":{"value":""}}"#, "identifier.invalid",
                "kill_container.container_id.value"
            ),
            (
                "LAUNCH_CONTAINER",
                #""launch_container":{"container_id":{"value":"c"},"container":{"type":"ROCKET"}}"#,
                "api.member-missing", "launch_container.container.type"
            ),
            (
                "LAUNCH_CONTAINER",
                #""launch_container":{"container_id":{"value":"c"},"container":{"type":"MESOS","rlimit_info":{"#
                    + #""rlimits":[{"type":"RLMT_CORE","soft":1}]}}}"#,
                "api.member-invalid", "launch_container.container.rlimit_info.rlimits[0].hard"
            ),
            (
                "LAUNCH_CONTAINER",
                #""launch_container":{"container_id":{"value":"c"},"container":{"type":"MESOS","linux_info":{"#
                    + #""seccomp":{"unconfined":true,"profile_name":"p"}}}}"#,
                "api.member-invalid", "launch_container.container.linux_info.seccomp.profile_name"
            ),
            (
                "ATTACH_CONTAINER_INPUT", #""attach_container_input":{"type":"PROCESS_IO"}"#, "api.member-invalid",
                "attach_container_input.type"
            ),
            (
                "PRUNE_IMAGES", #""prune_images":{"excluded_images":[{"type":"DOCKER"}]}"#, "api.member-missing",
                "prune_images.excluded_images[0].docker"
            ),
        ])
    func agentRefusal(_ type: String, _ content: String, _ code: String, _ field: String) {
        let failure = #expect(throws: Failure.self) { try AgentCall(Self.body(type, content)) }
        #expect(failure?.code.rawValue == code)
        #expect(failure?.field == field)
    }

    @Test("a container nested too deeply is refused, whatever the depth of the body")
    func depth() {
        var id = #"{"value":"c"}"#
        for _ in 0..<ContainerPath.depthMax { id = #"{"value":"c","parent":\#(id)}"# }
        let body = Self.body("WAIT_CONTAINER", #""wait_container":{"container_id":\#(id)}"#)
        let failure = #expect(throws: Failure.self) { try AgentCall(body) }
        #expect(failure?.cause?.contains("nested too deeply") == true)
    }
}
