import AuditFormat
public import Diagnostics

/// One check with what it means.
public struct EscapeVerdict: Equatable, Sendable {
    public var answer: ProbeAnswer
    public var check: EscapeCheck
    public var outcome: EscapeOutcome

    /// What a person reads behind the outcome: "EPERM by seccomp", "it worked".
    public var mechanism: String {
        switch (outcome, answer.result) {
        case (.blocked(let wall), _): "\(answer.result) by \(wall.rawValue)"
        case (.open, .open): "it worked"
        case (.open, _): "\(answer.result): the kernel looked at the arguments"
        case (.unknown, _): "\(answer.result)"
        }
    }
}

extension ProbeAnswer.Result: CustomStringConvertible {
    public var description: String {
        switch self {
        case .open: "open"
        case .errno(let number): ErrnoName.of(number)
        case .signal(let number): "SIGNAL \(number)"
        case .unknown(let number): "could not be tried: \(ErrnoName.of(number))"
        }
    }
}

/// What a whole run came to.
public struct EscapeResult: Equatable, Sendable {
    /// Without the needs.
    public var verdicts: [EscapeVerdict]
    /// What every program needs and did not get: then the rest says little.
    public var needsRefused: [ProbeAnswer]

    /// Too little of something while it was tried says nothing about walls, unless running out is the wall.
    private static let transient: Set = ["ENOMEM", "EMFILE", "ENFILE", "EAGAIN", "EINTR", "ETIMEDOUT", "ENOSPC"]

    /// - Parameter filter: what the container was given, nil when nobody knows it.
    /// - Throws: `probe.invalid-output` for a check of an area nobody knows.
    public init(_ output: ProbeOutput, filter: ProbedFilter?) throws(Failure) {
        verdicts = []
        needsRefused = []
        for answer in output.answers {
            guard let check = EscapeCatalogue.check(answer.check, in: answer.area) else {
                throw Failure(
                    "probe.invalid-output", doing: "judge the escape probe's answers",
                    on: Untrusted.shown(answer.check), cause: "its area is not known",
                    remedy: "install Bulkhead again: bulkhead-probe is of another version")
            }
            if answer.area == EscapeCatalogue.needs {
                if answer.result != .open { needsRefused.append(answer) }
                continue
            }
            let outcome = try Self.outcome(answer, check, filter, output.processor)
            verdicts.append(EscapeVerdict(answer: answer, check: check, outcome: outcome))
        }
    }

    private static func outcome(
        _ answer: ProbeAnswer, _ check: EscapeCheck, _ filter: ProbedFilter?, _ processor: String
    ) throws(Failure) -> EscapeOutcome {
        if check.blockers.contains(answer.result.description) {
            return .blocked(try EscapeWall.behind(answer, of: check, filter: filter, processor: processor))
        }
        switch answer.result {
        case .open: return .open
        case .unknown: return .unknown
        case .errno(let number): return transient.contains(ErrnoName.of(number)) ? .unknown : .open
        case .signal: return .unknown
        }
    }

    public func count(_ name: String) -> Int { verdicts.count { $0.outcome.name == name } }
    public var open: [EscapeVerdict] { verdicts.filter { $0.outcome == .open } }
    public var unknown: [EscapeVerdict] { verdicts.filter { $0.outcome == .unknown } }

    /// Of the deliberately weak control: what it should have got through and did not.
    public var missedByControl: [String] {
        let opened = Set(open.map(\.check.name))
        return verdicts.filter { $0.check.opensInControl && !opened.contains($0.check.name) }.map(\.check.name)
    }
}
