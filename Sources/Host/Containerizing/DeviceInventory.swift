public import Diagnostics
public import OCIFormat

/// Which devices of a kind can be given out one to a container, so that nobody else has any part of them.
extension DeviceRegistry {
    /// The devices of `kind` (`vendor.com/class`), or the one that `kind=name` names: ordered by their names, numbers
    /// by their size.
    ///
    /// A node that every device has, as one that controls them all, is nobody's.
    /// Specifications name the same device more than once (by its number and by its serial number) and several at once
    /// (`all`). What has the nodes of another is that one, and is given out once; what has the nodes of several is left
    /// out.
    /// - Throws: `device.not-found` when there is none; `device.shared` when two have a node in common and neither is
    ///   the other, for then nobody would have his alone.
    public func inventory(of text: String) throws(Failure) -> [DeviceName] {
        let asked = DeviceName(text)
        let kind = asked?.kind ?? text
        var found: [(name: String, nodes: Set<String>)] = []
        let specifications = try specifications()
        // Of two descriptions of one device the later counts, as when it is given.
        for (_, specification) in specifications.reversed() where specification.kind == kind {
            for device in specification.devices where !found.contains(where: { $0.name == device.name }) {
                if let name = asked?.name, name != device.name { continue }
                found.append((device.name, Set(device.edits.nodes.map(\.hostPath))))
            }
        }
        found.sort { Self.precedes($0.name, $1.name) }
        Self.leaveOutCommonNodes(&found)
        let single = found.filter { candidate in
            let parts = found.filter { !$0.nodes.isEmpty && $0.nodes.isStrictSubset(of: candidate.nodes) }
            return parts.count < 2 || parts.allSatisfy { $0.nodes == parts[0].nodes }
        }
        var kept: [(name: String, nodes: Set<String>)] = []
        for device in single where !kept.contains(where: { !$0.nodes.isEmpty && $0.nodes == device.nodes }) {
            if let other = kept.first(where: { !$0.nodes.isDisjoint(with: device.nodes) }) {
                throw Failure(
                    "device.shared", doing: "give out devices of kind \(kind) one to a task",
                    on: "\(other.name) and \(device.name)",
                    cause: "both have \(other.nodes.intersection(device.nodes).sorted()[0])",
                    remedy: "name those to give out: \(kind)=\(other.name)", field: "cdi-resource")
            }
            kept.append(device)
        }
        guard !kept.isEmpty else {
            throw Failure(
                "device.not-found", doing: "find devices of kind", on: text,
                cause: "no specification in \(directories.joined(separator: ", ")) has any",
                remedy: specifications.isEmpty
                    ? "have the device's vendor tool write one, such as nvidia-ctk cdi generate"
                    : "there are \(Set(specifications.map(\.1.kind)).sorted().joined(separator: ", "))",
                field: "cdi-resource")
        }
        return kept.compactMap { DeviceName("\(kind)=\($0.name)") }
    }

    private static func leaveOutCommonNodes(_ found: inout [(name: String, nodes: Set<String>)]) {
        guard var common = found.first?.nodes else { return }
        for device in found { common.formIntersection(device.nodes) }
        guard found.allSatisfy({ !$0.nodes.isSubset(of: common) }) else { return }
        for index in found.indices { found[index].nodes.subtract(common) }
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        switch (UInt64(left), UInt64(right)) {
        case (let low?, let high?) where low != high: low < high
        case (_?, nil): true
        case (nil, _?): false
        default: left < right
        }
    }
}
