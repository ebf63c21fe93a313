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
    static func rules(_ given: [ResourceSpec.DeviceRule]) -> [ResourceSpec.DeviceRule] {
        var rules = given.flatMap(kinds)
        if !(rules.first.map(isForAll) ?? false) {
            rules.insert(ResourceSpec.DeviceRule(allow: false, type: "a", major: nil, minor: nil, access: "rwm"), at: 0)
        }
        if rules.last(where: isForAll)?.allow == true { return rules }
        rules += standard
        return rules
    }

    /// Version 1 takes `a` for every device and all access, whatever stands behind it: what means less is said of
    /// either kind.
    private static func kinds(_ rule: ResourceSpec.DeviceRule) -> [ResourceSpec.DeviceRule] {
        guard rule.type == "a" || rule.type.isEmpty, !isForAll(rule) else { return [rule] }
        return ["b", "c"].map { kind in
            var one = rule
            one.type = kind
            return one
        }
    }

    private static func isForAll(_ rule: ResourceSpec.DeviceRule) -> Bool {
        (rule.type == "a" || rule.type.isEmpty) && number(rule.major) == nil && number(rule.minor) == nil
            && (rule.access.isEmpty || Set(rule.access) == Set("rwm"))
    }

    private static func number(_ value: Int64?) -> Int64? { value.flatMap { $0 < 0 ? nil : $0 } }

    /// In the kernel's order, so that it is what the kernel lists; what it does not know it refuses.
    private static func access(_ text: String) -> String {
        if text.isEmpty { return "rwm" }
        return text.allSatisfy("rwm".contains) ? String("rwm".filter(text.contains)) : text
    }

    /// The file and the text of one rule in version 1, device_cgroup.
    static func legacy(_ rule: ResourceSpec.DeviceRule) -> (file: String, text: String) {
        let file = rule.allow ? "devices.allow" : "devices.deny"
        if isForAll(rule) { return (file, "a") }
        func text(_ value: Int64?) -> String { number(value).map { "\($0)" } ?? "*" }
        let type = rule.type.isEmpty ? "a" : rule.type
        return (file, "\(type) \(text(rule.major)):\(text(rule.minor)) \(access(rule.access))")
    }

    /// What the rules allow at last, in the order in which the kernel asks: the last rule about a device decides.
    static func program(_ rules: [ResourceSpec.DeviceRule]) throws(Failure) -> [UInt8] {
        DeviceProgram.bytes(rules: try allowed(rules).map(entry))
    }

    /// The rules that are left when those that take something back have done so.
    static func allowed(_ rules: [ResourceSpec.DeviceRule]) throws(Failure) -> [ResourceSpec.DeviceRule] {
        var allowed: [ResourceSpec.DeviceRule] = []
        for rule in rules {
            if rule.allow {
                allowed.append(rule)
            } else if isForAll(rule) {
                allowed.removeAll()
            } else {
                allowed.removeAll { covers(entry(rule), entry($0)) }
                guard !allowed.contains(where: { overlaps(entry(rule), entry($0)) }) else {
                    throw SpecObject.refusal(
                        "linux.resources.devices", "a rule takes back a part of what another one allows",
                        remedy: "allow only what is meant")
                }
            }
        }
        return allowed
    }

    /// Version 1 passes over a rule that takes back a part of what another allows, where not everything is allowed.
    static func check(_ rules: [ResourceSpec.DeviceRule]) throws(Failure) {
        if rules.contains(where: { $0.allow && isForAll($0) }) { return }
        _ = try allowed(rules)
    }

    private static func entry(_ rule: ResourceSpec.DeviceRule) -> DeviceRule {
        DeviceRule(
            kind: rule.type == "b" ? .block : rule.type == "c" ? .character : nil,
            major: number(rule.major).map { UInt32(clamping: $0) },
            minor: number(rule.minor).map { UInt32(clamping: $0) },
            access: rule.access.isEmpty ? .all : DeviceAccess(rule.access))
    }

    /// What is written to get from what version 1 lists now to `rules`. What both allow is allowed all the time, but
    /// for a device to which less is allowed now.
    static func change(
        from listed: [String], to rules: [ResourceSpec.DeviceRule]
    ) throws(Failure) -> [(file: String, text: String)] {
        let allowed = try allowed(rules)
        if allowed.contains(where: isForAll) { return [("devices.allow", "a")] }
        if listed.contains("a *:* rwm") { return rules.map(legacy) }
        let wanted = allowed.map(legacy)
        let texts = wanted.map(\.text)
        // Again after what was taken back: the kernel keeps one entry for all the access to a device.
        return wanted + listed.filter { !texts.contains($0) }.map { ("devices.deny", $0) } + wanted
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
