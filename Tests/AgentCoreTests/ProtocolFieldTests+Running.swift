import AgentCore
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@testable import ClusterAPI

extension ProtocolFieldTests {
    /// Messages whose fields are one value here; what is in them is tested where they are read.
    private static let whole: Set<String> = [
        "mesos.v1.Resource", "mesos.v1.Labels", "mesos.v1.DiscoveryInfo", "mesos.v1.Secret", "mesos.v1.DurationInfo",
        "mesos.v1.Credential", "mesos.v1.Image.Appc", "mesos.v1.Volume.Source.CSIVolume",
    ]

    /// Paths of all fields below a message of the protocol that are no messages themselves.
    private static func paths(of message: String, at prefix: String = "") -> [String] {
        let schema = ProtocolSchema.standard
        return schema.message(named: message)?.fields.flatMap { field -> [String] in
            let path = prefix + field.name
            guard let inner = schema.message(field.kind), field.cardinality != .map, !whole.contains(inner.name) else {
                return [path]
            }
            if inner.name == "mesos.v1.ExecutorInfo" {
                return [path] + inner.fields.map { "\(path).\($0.name)" }
            }
            return paths(of: inner.name, at: path + ".")
        } ?? []
    }

    @Test("is in the table, and the table has no others")
    func complete() {
        let (fields, known) = (Self.paths(of: "mesos.v1.TaskInfo"), Set(Self.cases.map(\.path)))
        #expect(fields.count > 130)
        #expect(Set(fields).subtracting(known).sorted() == [])
        #expect(known.subtracting(fields).sorted() == [])
    }

    @Test("changes what the agent does, or is refused by name", arguments: cases.indices)
    func outcome(_ index: Int) throws {
        let example = Self.cases[index]
        var document = try Self.value(Self.base)
        for context in example.context {
            let words = try #require(Self.contexts[context], "there is no context \(context)")
            document = Self.merged(document, try Self.value(words))
        }
        let steps = example.path.split(separator: ".").map(String.init)
        let changed = try Self.setting(steps[...], of: document, in: "mesos.v1.TaskInfo", to: Self.value(example.value))
        #expect(changed != document)
        let (before, after) = (try Self.run(document), try Self.run(changed))
        let said = after.refusal ?? "it was not refused"
        switch example.outcome {
        case .honoured:
            #expect(after.refusal == nil, "\(example.path): \(said)")
            #expect(Self.difference(before, after) != nil, "\(example.path) is ignored")
        case .refused(let words):
            #expect(after.refusal?.contains(words) == true, "\(example.path): \(said)")
            #expect(!after.hasLaunched)
        case .told:
            #expect(after.refusal == nil && before.spec != after.spec, "\(example.path): \(said)")
            #expect(Self.difference(before, after) == nil, "\(example.path)")
        case .always:
            #expect(after.refusal == nil, "\(example.path): \(said)")
            #expect(Self.difference(before, after) == nil, "\(example.path)")
        }
    }

    // MARK: A task on an agent

    struct Result {
        var spec: TaskSpec?
        /// What is done on the machine, in order and with its times.
        var done: [String] = []
        var refusal: String?
        var hasLaunched = false
    }

    /// What is done only after, from where it differs; nil when the same is done.
    private static func difference(_ before: Result, _ after: Result) -> String? {
        guard let (one, other) = zip(before.done, after.done).first(where: { $0 != $1 }) else {
            return before.done.count == after.done.count ? nil : "\(after.done.count), not \(before.done.count) things"
        }
        return String(other.dropFirst(zip(one, other).prefix { $0 == $1 }.count).prefix(200))
    }

    /// Everything of a value, the same for equal values: dictionaries and sets have no order of their own.
    private static func text(_ value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        let parts = mirror.children.map { ($0.label.map { $0 + ": " } ?? "") + text($0.value) }
        if parts.isEmpty { return "\(value)" }
        let isUnordered = mirror.displayStyle == .dictionary || mirror.displayStyle == .set
        return "\(type(of: value))(" + (isUnordered ? parts.sorted() : parts).joined(separator: ", ") + ")"
    }

    private static func run(_ document: WireValue) throws -> Result {
        let framework = FrameworkInfo.sample
        let spec: TaskSpec
        do throws(Failure) {
            spec = try WireObject(document).task(framework: framework.id)
        } catch {
            return Result(refusal: error.description)
        }
        var scenario = Scenario(
            .sample.with { $0.resources.append(Resource("ports", .ranges(Ranges([31_000...31_009])))) })
        scenario.machine.isStubborn = true
        scenario.run(spec, framework)
        for _ in 0..<15 {
            scenario.advance(by: .seconds(4))
            for (id, _) in scenario.probes where scenario.answeredProbes.insert(id).inserted {
                scenario.feed(.probed(id, .failed("no")))
            }
            scenario.advance(by: .seconds(4))
        }
        let ends = scenario.updates(spec.id.text).filter { $0.state.isTerminal }
        let hasLaunched = !scenario.launches.isEmpty
        scenario.kill(spec.id.text)
        let done = scenario.effects.compactMap { effect -> String? in
            switch effect {
            case .persist, .compact, .send, .note, .answer, .measureDisk, .link: nil
            default: text(effect)
            }
        }
        return Result(
            spec: spec, done: done, refusal: hasLaunched ? nil : ends.last?.message ?? "nothing was launched",
            hasLaunched: hasLaunched)
    }

    // MARK: Documents

    private static func value(_ text: String) throws -> WireValue {
        // A value by itself is no document.
        let whole = try WireBounds.standard.value(parsing: Array(#"{"v": \#(text)}"#.utf8))
        guard case .object(let members) = whole, let value = members["v"] else { return .null }
        return value
    }

    /// `other` over `one`; of lists, the elements with each other.
    private static func merged(_ one: WireValue, _ other: WireValue) -> WireValue {
        switch (one, other) {
        case (.object(let left), .object(let right)):
            return .object(left.merging(right) { merged($0, $1) }.filter { $0.value != .null })
        case (.array(let left), .array(let right)) where left.count == right.count:
            return .array(zip(left, right).map { merged($0, $1) })
        default: return other
        }
    }

    private static func setting(
        _ path: ArraySlice<String>, of value: WireValue?, in message: String, to leaf: WireValue
    ) throws -> WireValue {
        let schema = ProtocolSchema.standard
        guard let name = path.first else { return leaf }
        let field = try #require(schema.message(named: message)?.fields.first { $0.name == name })
        var members: [String: WireValue] = [:]
        if case .object(let old)? = value { members = old }
        let inner = schema.message(field.kind)?.name ?? ""
        switch members[name] {
        case .array(let elements) where !elements.isEmpty:
            members[name] = .array(
                [try setting(path.dropFirst(), of: elements[0], in: inner, to: leaf)] + elements.dropFirst())
        case let old:
            let new = try setting(path.dropFirst(), of: old, in: inner, to: leaf)
            members[name] = field.cardinality == .repeated ? .array([new]) : new
        }
        return .object(members)
    }
}
