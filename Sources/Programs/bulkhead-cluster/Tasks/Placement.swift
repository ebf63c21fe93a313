import ClusterModel
import CommandOutput
import Diagnostics

/// A rule of `--constraint`: what an attribute of an agent has to be.
struct Constraint: Hashable, Sendable {
    enum Test: Hashable, Sendable {
        case equals(String), differs(String), contains(String), exists, isAbsent
    }
    var name: String
    var test: Test

    static func parse(_ text: String) throws(Failure) -> Constraint {
        func made(_ name: Substring, _ test: Test) throws(Failure) -> Constraint {
            guard !name.isEmpty, !name.contains(where: { $0.isWhitespace || "=!~".contains($0) }) else {
                throw .flag(
                    "constraint", text, cause: "it names no attribute", remedy: "write for example rack=r12 or '!gpu'")
            }
            return Constraint(name: String(name), test: test)
        }
        guard let cut = text.firstIndex(where: { "=!~".contains($0) }) else { return try made(text[...], .exists) }
        let (name, rest) = (text[..<cut], text[text.utf8.index(after: cut)...])
        switch text[cut] {
        case "=": return try made(name, .equals(String(rest)))
        case "~": return try made(name, .contains(String(rest)))
        default:
            if name.isEmpty { return try made(rest, .isAbsent) }
            guard rest.first == "=" else { return try made("", .exists) }
            return try made(name, .differs(String(rest.dropFirst())))
        }
    }

    func holds(for offer: Offer) -> Bool {
        let values = values(of: offer)
        switch test {
        case .equals(let text): return values.contains(text)
        case .differs(let text): return !values.contains(text)
        case .contains(let text): return values.contains { $0.contains(text) }
        case .exists: return !values.isEmpty
        case .isAbsent: return values.isEmpty
        }
    }

    private func values(of offer: Offer) -> [String] {
        switch name {
        case "hostname": return [offer.address.hostname]
        case "agent": return [offer.agent.text]
        default: return offer.attributes.filter { $0.name == name }.map { $0.value.shown }
        }
    }

    var description: String {
        switch test {
        case .equals(let text): "\(name)=\(text)"
        case .differs(let text): "\(name)!=\(text)"
        case .contains(let text): "\(name)~\(text)"
        case .exists: name
        case .isAbsent: "!\(name)"
        }
    }
}

extension Attribute.Value {
    /// As `--attributes` takes it.
    var shown: String {
        switch self {
        case .scalar(let scalar): scalar.description
        case .ranges(let ranges): ranges.description
        case .set(let set): set.description
        case .text(let text): text
        }
    }
}

/// What a task needs of an offer, and taking it.
struct Placement: Sendable {
    var role: RoleName
    /// By resource name, in the order people see them.
    var needs: [(name: String, amount: Scalar)]
    var ports: [WantedPort] = []
    var constraints: [Constraint]

    /// The part of `offer` the task takes; nil when it does not fit.
    func resources(of offer: Offer) -> [Resource]? {
        guard constraints.allSatisfy({ $0.holds(for: offer) }) else { return nil }
        var taken: [Resource] = []
        for need in needs {
            guard let part = Self.part(of: offer.resources, need.name, need.amount) else { return nil }
            taken += part
        }
        if ports.isEmpty { return taken }
        guard let chosen = ports.chosen(from: Self.ports(of: offer.resources)) else { return nil }
        return taken + Self.part(of: offer.resources, chosen)
    }

    /// Where its ports are reached, with what `resources(of:)` took.
    func mappings(in taken: [Resource]) -> [PortMapping] { ports.mapped(to: Self.ports(of: taken)) }

    private static func ports(of resources: [Resource]) -> Ranges {
        resources.reduce(.empty) { all, resource in
            guard resource.name == "ports", !resource.isRevocable, case .ranges(let ranges) = resource.value else {
                return all
            }
            return all.union(ranges)
        }
    }

    private static func part(of resources: [Resource], _ chosen: Ranges) -> [Resource] {
        resources.compactMap { resource in
            guard resource.name == "ports", !resource.isRevocable, case .ranges(let ranges) = resource.value else {
                return nil
            }
            var piece = resource
            let given = ranges.intersection(chosen)
            piece.value = .ranges(given)
            return given.isEmpty ? nil : piece
        }
    }

    /// What is kept for the role first, then what is anybody's. Volumes and whole disks are not for this.
    private static func part(of resources: [Resource], _ name: String, _ amount: Scalar) -> [Resource]? {
        var (left, taken) = (amount, [Resource]())
        let usable = resources.filter { $0.name == name && $0.isDivisible && $0.disk == nil && !$0.isRevocable }
        for resource in usable.filter(\.isReserved) + usable.filter({ !$0.isReserved }) {
            guard !left.isZero, case .scalar(let there) = resource.value else { continue }
            var piece = resource
            let given = min(there, left)
            piece.value = .scalar(given)
            taken.append(piece)
            left = left - given
        }
        return left.isZero ? taken : nil
    }

    /// Why `offer` does not do: one clause.
    func lack(in offer: Offer) -> String? {
        if let broken = constraints.first(where: { !$0.holds(for: offer) }) {
            return "\(offer.address.hostname) does not meet the constraint '\(broken.description)'"
        }
        let lacking = needs.filter { Self.part(of: offer.resources, $0.name, $0.amount) == nil }
        var words = lacking.map { need in
            let there = Self.available(offer.resources, need.name)
            return "\(Self.words(need.name, need.amount)) (it offers \(Self.words(need.name, there)))"
        }
        let there = Self.ports(of: offer.resources)
        if ports.chosen(from: there) == nil {
            let offered = there.isEmpty ? "none" : there.shown
            words.append("\(ports.description) (it offers \(offered), by its --resources)")
        }
        if words.isEmpty { return nil }
        return "\(offer.address.hostname) lacks \(words.joined(separator: " and "))"
    }

    private static func available(_ resources: [Resource], _ name: String) -> Scalar {
        resources.filter { $0.name == name && $0.isDivisible && $0.disk == nil && !$0.isRevocable }.reduce(.zero) {
            if case .scalar(let amount) = $1.value { $0 + amount } else { $0 }
        }
    }

    static func words(_ name: String, _ amount: Scalar) -> String {
        switch name {
        case "mem": "\(amount) MB of memory"
        case "disk": "\(amount) MB of disk"
        default: "\(amount) \(name)"
        }
    }

    /// `0.5 cpus and 128 MB of memory`.
    var description: String {
        (needs.map { Self.words($0.name, $0.amount) } + (ports.isEmpty ? [] : [ports.description]))
            .joined(separator: " and ")
            + (constraints.isEmpty ? "" : " where \(constraints.map(\.description).joined(separator: ", "))")
    }
}
