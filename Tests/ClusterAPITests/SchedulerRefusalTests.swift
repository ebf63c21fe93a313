import ClusterAPI
import Determinism
import Diagnostics
import Testing

private let resource = #"{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}}"#

@Suite("Refused scheduler calls") struct SchedulerRefusalTests {
    private func check(_ json: String, _ code: Failure.Code, _ field: String?, line: Int = #line) {
        let failure = #expect(throws: Failure.self, "line \(line)") { try SchedulerCall(parsed(json)) }
        #expect(failure?.code == code, "line \(line): \(String(describing: failure))")
        #expect(failure?.field == field, "line \(line): \(String(describing: failure))")
    }

    @Test(
        "a call names the member at fault",
        arguments: [
            (#"[]"#, "api.member-type", nil),
            (#"{}"#, "api.member-missing", "type"),
            (#"{"type":1}"#, "api.member-type", "type"),
            (#"{"type":"DANCE","framework_id":{"value":"F"}}"#, "api.member-missing", "type"),
            (#"{"type":"UNKNOWN","framework_id":{"value":"F"}}"#, "api.call-unknown", "type"),
            (#"{"type":"TEARDOWN"}"#, "api.member-missing", "framework_id"),
            (#"{"type":"TEARDOWN","framework_id":{}}"#, "api.member-missing", "framework_id.value"),
            (#"{"type":"TEARDOWN","framework_id":{"value":"a/b"}}"#, "identifier.invalid", "framework_id.value"),
            (#"{"type":"TEARDOWN","framework_id":[{"value":"F"}]}"#, "api.member-type", "framework_id"),
            (#"{"type":"SUBSCRIBE"}"#, "api.member-missing", "subscribe"),
            (
                #"{"type":"UPDATE_FRAMEWORK","framework_id":{"value":"F"},"update_framework":{"framework_info":"#
                    + #"{"name":"n","id":{"value":"G"}}}}"#,
                "api.member-invalid", "update_framework.framework_info.id"
            ),
            (
                #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"n"},"suppressed_roles":["a"]}}"#,
                "api.member-invalid", "subscribe.suppressed_roles"
            ),
            (
                #"{"type":"KILL","framework_id":{"value":"F"},"kill":{"task_id":{"value":"T"},"#
                    + #""kill_policy":{"grace_period":{"nanoseconds":-1}}}}"#,
                "api.member-invalid", "kill.kill_policy.grace_period.nanoseconds"
            ),
            (#"{"type":"RECONCILE","framework_id":{"value":"F"}}"#, "api.member-missing", "reconcile"),
            (#"{"type":"SUBSCRIBE","subscribe":{}}"#, "api.member-missing", "subscribe.framework_info"),
            (
                #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"n","id":{"value":"F"}}}}"#,
                "api.member-invalid",
                "framework_id"
            ),
            (
                #"{"type":"SUBSCRIBE","framework_id":{"value":"F"},"subscribe":{"framework_info":{"name":"n"}}}"#,
                "api.member-invalid", "framework_id"
            ),
            (
                #"{"type":"SUBSCRIBE","framework_id":{"value":"a/b"},"subscribe":{"framework_info":{"name":"n"}}}"#,
                "api.member-invalid", "framework_id"
            ),
            (
                #"{"type":"SUBSCRIBE","framework_id":{"value":"a/b"},"subscribe":{"framework_info":{"name":"n","#
                    + #""id":{"value":"a/b"}}}}"#,
                "identifier.invalid", "subscribe.framework_info.id.value"
            ),
        ] as [(String, Failure.Code, String?)])
    func envelope(json: String, code: Failure.Code, field: String?) { check(json, code, field) }

    @Test(
        "a framework's description names the member at fault",
        arguments: [
            (#""roles":["a"]"#, "api.member-invalid", "roles"),
            (#""role":"a//b""#, "role.invalid", "role"),
            (#""role":"a","roles":["b"],"capabilities":[{"type":"MULTI_ROLE"}]"#, "api.member-invalid", "role"),
            (#""capabilities":[{"type":3}]"#, "api.member-type", "capabilities[0].type"),
            (#""roles":["a","a"],"capabilities":[{"type":"MULTI_ROLE"}]"#, "api.member-invalid", "roles"),
            (#""failover_timeout":1e17"#, "api.member-invalid", "failover_timeout"),
            (#""failover_timeout":-1e17"#, "api.member-invalid", "failover_timeout"),
            (#""failover_timeout":"Infinity""#, "api.member-invalid", "failover_timeout"),
            (#""checkpoint":1"#, "api.member-type", "checkpoint"),
            (#""labels":{"labels":[{"value":"v"}]}"#, "api.member-missing", "labels.labels[0].key"),
            (
                #""offer_filters":{"a":{"min_allocatable_resources":{"quantities":{"quantities":{"cpus":{"#
                    + #""value":-1}}}}}}"#,
                "scalar.invalid", "offer_filters.a.min_allocatable_resources.quantities.quantities.cpus.value"
            ),
        ] as [(String, Failure.Code, String)])
    func description(json: String, code: Failure.Code, field: String) {
        check(
            #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"n",\#(json)}}}"#, code,
            "subscribe.framework_info.\(field)")
    }

    @Test(
        "offer constraints name the member at fault",
        arguments: [
            (#"{"a":{}}"#, "constraints.invalid", "role_constraints"),
            (#"{"a":{"groups":[{}]}}"#, "constraints.invalid", "role_constraints"),
            (#"{"a b":{}}"#, "role.invalid", "role_constraints"),
            (
                #"{"a":{"groups":[{"attribute_constraints":[{"predicate":{"exists":{}}}]}]}}"#, "api.member-missing",
                "role_constraints.a.groups[0].attribute_constraints[0].selector"
            ),
            (
                #"{"a":{"groups":[{"attribute_constraints":[{"selector":{"attribute_name":"x"},"predicate":{"#
                    + #""odd":{}}}]}]}}"#,
                "api.member-missing", "role_constraints.a.groups[0].attribute_constraints[0].predicate"
            ),
            (
                #"{"a":{"groups":[{"attribute_constraints":[{"selector":{"attribute_name":"x"},"#
                    + #""predicate":{"text_matches":{"regex":"("}}}]}]}}"#,
                "pattern.invalid", "role_constraints.a.groups[0].attribute_constraints[0].predicate.text_matches.regex"
            ),
        ] as [(String, Failure.Code, String)])
    func constraints(json: String, code: Failure.Code, field: String) {
        check(
            #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"n"},"offer_constraints":{"#
                + #""role_constraints":\#(json)}}}"#,
            code, "subscribe.offer_constraints.\(field)")
    }

    @Test("acknowledgements need sixteen bytes", arguments: ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA=", "!"])
    func uuid(text: String) {
        check(
            #"{"framework_id":{"value":"F"},"type":"ACKNOWLEDGE","acknowledge":{"uuid":"\#(text)"}}"#,
            "api.member-invalid",
            "acknowledge.uuid")
    }

    @Test("damaged calls are read or refused, never more", arguments: 0..<40)
    func damage(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let whole = Array(
            (#"{"framework_id":{"value":"F"},"type":"ACCEPT","accept":{"offer_ids":[{"value":"O"}],"filters":"#
                + #"{"refuse_seconds":5.0},"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"n","#
                + #""task_id":"#
                + #"{"value":"T"},"agent_id":{"value":"S"},"resources":[\#(resource),{"name":"ports","type":"RANGES","#
                + #""ranges":{"range":[{"begin":1,"end":18446744073709551615}]}}],"limits":{"cpus":{"#
                + #""value":"Infinity"}},"#
                + #""command":{"value":"x"},"max_completion_time":{"nanoseconds":9223372036854775807}}]}}]}}"#).utf8)
        #expect(throws: Never.self) { try SchedulerCall(whole) }
        var refusals = 0
        for _ in 0..<200 {
            var damaged = whole
            for _ in 0...random.below(3) {
                let place = random.below(damaged.count)
                switch random.below(4) {
                case 0: damaged[place] = UInt8(random.below(256))
                case 1: damaged.removeSubrange(place..<min(damaged.count, place + 1 + random.below(8)))
                case 2: damaged.insert(contentsOf: damaged[..<min(place, 20)], at: place)
                default: damaged[place] = Array("{}[]\",:-9eI\\".utf8)[random.below(12)]
                }
                if damaged.isEmpty { damaged = whole }
            }
            do {
                let call = try SchedulerCall(damaged)
                #expect(call.framework != nil)
            } catch {
                #expect(!error.code.rawValue.isEmpty)
                refusals += 1
            }
        }
        #expect(refusals > 0)
        for end in stride(from: 0, to: whole.count, by: 7) {
            #expect(throws: Failure.self) { try SchedulerCall(Array(whole[..<end])) }
        }
    }
}
