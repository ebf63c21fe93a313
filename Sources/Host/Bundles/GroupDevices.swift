import Diagnostics
import RuntimeSpec
import SeccompFormat

/// linux.resources.devices for both versions: what the configuration says, and after it the devices every container may
/// use. A node of linux.devices is not one of those: whoever wants it used allows it too, as every engine does.
enum GroupDevices {
    private static let standard: [ResourceSpec.DeviceRule] = [
        rule("c", nil, nil, "m"), rule("b", nil, nil, "m"), rule("c", 1, 3, "rwm"), rule("c", 1, 8, "rwm"),
        rule("c", 1, 7, "rwm"), rule("c", 5, 0, "rwm"), rule("c", 1, 5, "rwm"), rule("c", 1, 9, "rwm"),
        rule("c", 136, nil, "rwm"), rule("c", 5, 2, "rwm"),
    ]

    private static func rule(_ type: String, _ major: Int64?, _ minor: Int64?, _ access: String)
        -> ResourceSpec.DeviceRule
    {
        ResourceSpec.DeviceRule(allow: true, type: type, major: major, minor: minor, access: access)
    }

    /// Everything is refused but what a rule allows; a configuration that allows everything first has said so.
    static func rules(_ linux: LinuxSpec) -> [ResourceSpec.DeviceRule] {
        var rules = linux.resources.devices
        if !(rules.first.map(isForAll) ?? false) {
            rules.insert(ResourceSpec.DeviceRule(allow: false, type: "a", major: nil, minor: nil, access: "rwm"), at: 0)
        }
        if rules.last(where: isForAll)?.allow == true { return rules }
        rules += standard
        return rules
    }

    private static func isForAll(_ rule: ResourceSpec.DeviceRule) -> Bool {
        (rule.type == "a" || rule.type.isEmpty) && number(rule.major) == nil && number(rule.minor) == nil
            && (rule.access.isEmpty || Set(rule.access) == Set("rwm"))
    }

    private static func number(_ value: Int64?) -> Int64? { value.flatMap { $0 < 0 ? nil : $0 } }

    /// The file and the text of one rule in version 1, device_cgroup.
    static func legacy(_ rule: ResourceSpec.DeviceRule) -> (file: String, text: String) {
        let file = rule.allow ? "devices.allow" : "devices.deny"
        if isForAll(rule) { return (file, "a") }
        func text(_ value: Int64?) -> String { number(value).map { "\($0)" } ?? "*" }
        let type = rule.type.isEmpty ? "a" : rule.type
        return (file, "\(type) \(text(rule.major)):\(text(rule.minor)) \(rule.access.isEmpty ? "rwm" : rule.access)")
    }

    /// What the rules allow at last, in the order in which the kernel asks: the last rule about a device decides.
    static func program(_ rules: [ResourceSpec.DeviceRule]) throws(Failure) -> [UInt8] {
        var allowed: [DeviceRule] = []
        for rule in rules {
            let kind: DeviceRule.Kind? = rule.type == "b" ? .block : rule.type == "c" ? .character : nil
            let entry = DeviceRule(
                kind: kind, major: number(rule.major).map { UInt32(clamping: $0) },
                minor: number(rule.minor).map { UInt32(clamping: $0) },
                access: rule.access.isEmpty ? .all : DeviceAccess(rule.access))
            if rule.allow {
                allowed.append(entry)
            } else if isForAll(rule) {
                allowed.removeAll()
            } else {
                allowed.removeAll { covers(entry, $0) }
                guard !allowed.contains(where: { overlaps(entry, $0) }) else {
                    throw SpecObject.refusal(
                        "linux.resources.devices", "a rule takes back a part of what another one allows",
                        remedy: "allow only what is meant")
                }
            }
        }
        return DeviceProgram.bytes(rules: allowed)
    }

    private static func covers(_ large: DeviceRule, _ small: DeviceRule) -> Bool {
        (large.kind == nil || large.kind == small.kind) && (large.major == nil || large.major == small.major)
            && (large.minor == nil || large.minor == small.minor) && small.access.isSubset(of: large.access)
    }

    private static func overlaps(_ one: DeviceRule, _ other: DeviceRule) -> Bool {
        func meet<Value: Equatable>(_ one: Value?, _ other: Value?) -> Bool {
            one == nil || other == nil || one == other
        }
        return meet(one.kind, other.kind) && meet(one.major, other.major) && meet(one.minor, other.minor)
            && !one.access.isDisjoint(with: other.access)
    }
}
