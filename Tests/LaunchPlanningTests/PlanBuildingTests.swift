import Diagnostics
import Testing

@testable import LaunchPlanning

@Suite("one plan out of many contributions")
struct PlanBuildingTests {
    @Test("steps are ordered by stage, then by isolator, then as they were added")
    func order() throws {
        let plan = try PlanBuilder.build(Sample.contributions)
        let order = plan.steps.map { "\($0.stage) \($0.isolator)" }
        #expect(order == [
            "becomeRoot namespaces", "session namespaces", "root filesystem", "root filesystem",
            "kernelFilesystems filesystem", "volumes filesystem", "paths filesystem", "paths filesystem",
            "enterRoot filesystem", "identity namespaces", "divide resources", "resources resources",
            "resources resources", "terminal task", "credentials privileges",
            "workingDirectory task", "noNewPrivileges privileges", "closeDescriptors task", "filter privileges",
            "execute task",
        ])
        #expect(plan.steps[2].step == .propagation(.private))
    }

    @Test("the same contributions give the same plan, and those in another order the same stages")
    func determinism() throws {
        let plan = try PlanBuilder.build(Sample.contributions)
        #expect(try PlanBuilder.build(Sample.contributions) == plan)
        let reversed = try PlanBuilder.build(Sample.contributions.reversed())
        #expect(reversed.steps.map(\.stage) == plan.steps.map(\.stage))
    }

    @Test("namespaces, maps and the cgroup are what any isolator asked for")
    func spawn() throws {
        var network = PlanContribution(isolator: "network")
        network.namespaces = [.network]
        network.userMap = Sample.namespaces().userMap
        let spawn = try PlanBuilder.build(Sample.contributions + [network]).spawn
        #expect(spawn.namespaces == [.user, .mount, .pid, .uts, .time, .network])
        #expect(spawn.userMap == [IDMapping(inside: 0, outside: 200_000, count: 65_536)])
        #expect(spawn.groupMap == [IDMapping(inside: 0, outside: 300_000, count: 65_536)])
        #expect(spawn.timeOffsets == "monotonic -5 0\nboottime -5 0\n")
        #expect(spawn.memoryScore == -5)
        #expect(spawn.inControlGroup)
    }

    @Test("a descriptor two isolators want is opened once")
    func sharedDescriptor() throws {
        var other = PlanContribution(isolator: "other")
        other.open("null", .nullDevice)
        other.add(.mask("/proc/timer_list", with: "null"), at: .paths)
        let plan = try PlanBuilder.build(Sample.contributions + [other])
        #expect(plan.descriptors.keys.filter { $0 == "null" }.count == 1)
        #expect(plan.descriptors.count == 7)
    }

    /// A change to the sample that must be refused.
    struct Breach: CustomTestStringConvertible, Sendable {
        let rule: String
        let code: Failure.Code
        let change: @Sendable (inout [PlanContribution]) -> Void
        var testDescription: String { rule }

        init(
            _ rule: String, code: Failure.Code = "plan.invalid",
            _ change: @escaping @Sendable (inout [PlanContribution]) -> Void
        ) {
            self.rule = rule
            self.code = code
            self.change = change
        }

        /// One more isolator with one more step.
        init(_ rule: String, adding step: Step, at stage: Stage) {
            self.init(rule) { contributions in
                var more = PlanContribution(isolator: "more")
                more.add(step, at: stage)
                contributions.append(more)
            }
        }

        /// The sample without the steps that match.
        init(_ rule: String, without matches: @escaping @Sendable (Step) -> Bool) {
            self.init(rule) { contributions in
                contributions = contributions.map { old in
                    var new = old.withoutSteps
                    for entry in old.steps where !matches(entry.step) { new.add(entry.step, at: entry.stage) }
                    return new
                }
            }
        }
    }

    static let contradictions = [
        Breach("two user id maps", code: "plan.contradiction") {
            var other = PlanContribution(isolator: "other")
            other.userMap = [IDMapping(inside: 0, outside: 1, count: 1)]
            $0.append(other)
        },
        Breach("two time offsets", code: "plan.contradiction") {
            var other = PlanContribution(isolator: "other")
            other.timeOffsets = "monotonic 1 0\n"
            $0.append(other)
        },
        Breach("two descriptors of one name", code: "plan.contradiction") {
            var other = PlanContribution(isolator: "other")
            other.open("null", .exitRecord)
            $0.append(other)
        },
    ]

    static let missing = [
        Breach("nothing is executed", without: { if case .execute = $0 { true } else { false } }),
        Breach("descriptors are left open", without: { if case .closeDescriptors = $0 { true } else { false } }),
        Breach("no_new_privs is not set before the filter", without: { $0 == .noNewPrivileges }),
        Breach("the credentials are not set", without: { if case .credentials = $0 { true } else { false } }),
        Breach("the standard streams are not set", without: { if case .standardStreams = $0 { true } else { false } }),
        Breach("the root is attached and never entered", without: { $0 == .enterRoot }),
        Breach("the root is entered and never attached", without: { if case .attachRoot = $0 { true } else { false } }),
        Breach("nobody becomes root of the user namespace", without: { $0 == .becomeRoot }),
        Breach("the user namespace has no maps") { $0[2].userMap = [] },
        Breach("maps without a user namespace") { $0[2].namespaces.remove(.user) },
        Breach("time offsets without a time namespace") { $0[2].namespaces.remove(.time) },
    ]

    static let superfluous = [
        Breach("a second execute", adding: .execute(arguments: ["x"], environment: []), at: .execute),
        Breach("something after execute", adding: .becomeRoot, at: .execute),
        Breach("a gap beyond what is kept", adding: .closeDescriptors(keep: 1, gaps: [4]), at: .closeDescriptors),
        Breach("a second closing", adding: .closeDescriptors(keep: 1), at: .closeDescriptors),
        Breach("a second set of credentials", adding: Sample.everyStep[23], at: .credentials),
        Breach("credentials after the filter") { contributions in
            let credentials = contributions[1].steps[2].step
            contributions[1] = contributions[1].withoutSteps
            contributions[1].add(.noNewPrivileges, at: .noNewPrivileges)
            contributions[1].add(.installFilter(flags: 0, program: Sample.filter), at: .filter)
            contributions[1].add(credentials, at: .filter)
        },
        Breach("no_new_privs after the filter") { contributions in
            let credentials = contributions[1].steps[2].step
            contributions[1] = contributions[1].withoutSteps
            contributions[1].add(.installFilter(flags: 0, program: Sample.filter), at: .filter)
            contributions[1].add(.noNewPrivileges, at: .filter)
            contributions[1].add(credentials, at: .credentials)
        },
        Breach("a filter before the descriptors are closed") {
            $0[1].add(.installFilter(flags: 0, program: Sample.filter), at: .noNewPrivileges)
        },
        Breach("a second root") {
            var other = PlanContribution(isolator: "other")
            other.open("root2", .exitRecord)
            other.add(.attachRoot(tree: "root2", anchor: "/a"), at: .root)
            $0.append(other)
        },
        Breach("a mount before the root is attached", adding: .mask("/proc/x", with: "null"), at: .session),
        Breach("a second fork", adding: Sample.everyStep[20], at: .divide),
        Breach("a terminal the fork knows nothing of", adding: Sample.everyStep[21], at: .terminal),
        Breach("a mount attached twice") {
            $0[3].add(.attach(tree: "volume:/data", target: "/b", kind: .directory, resolve: []), at: .volumes)
        },
        Breach("a descriptor nobody opens", adding: .mask("/x", with: "nowhere"), at: .paths),
    ]

    private static func division(_ change: (inout Division) -> Void) -> Step {
        var division = Division(
            isInit: true, pumps: true, hasTerminal: false, exitRecord: nil, logs: [], logBytesMax: 0, outputSink: nil,
            errorSink: nil, initFilter: .none)
        change(&division)
        return .divide(division)
    }

    private static func replacing(_ rule: String, fork: Step) -> Breach {
        Breach(rule) { contributions in
            let old = contributions[4]
            contributions[4] = old.withoutSteps
            contributions[4].add(fork, at: .divide)
        }
    }

    static let values = [
        Breach("a text with a NUL", adding: .setHostname("a\0b"), at: .identity),
        Breach("a path that does not begin with a slash", adding: .mask("proc/x", with: "null"), at: .paths),
        Breach("an empty path", adding: .makeDirectory("", mode: 0, uid: 0, gid: 0), at: .paths),
        Breach("a sysctl that climbs", adding: .sysctl(name: "../self/x", value: ""), at: .identity),
        Breach("a sysctl with dots", adding: .sysctl(name: "net.ipv4.x", value: ""), at: .identity),
        Breach(
            "a soft limit above the hard one", adding: .limit(ResourceLimit(resource: 7, soft: 2, hard: 1)),
            at: .resources),
        Breach("an empty filter", adding: .installFilter(flags: 0, program: .none), at: .filter),
        Breach(
            "half an instruction",
            adding: .installFilter(flags: 0, program: FilterProgram(bytes: [0, 1, 2, 3], name: "")), at: .filter),
        Breach(
            "a filter too long for the kernel",
            adding: .installFilter(
                flags: 0, program: FilterProgram(bytes: Array(repeating: 0, count: 4_097 * 8), name: "")),
            at: .filter),
        replacing("one log file", fork: division { $0.logs = ["log:0"] }),
        replacing("a log too small for its records", fork: division {
            $0.logs = ["log:0", "log:1"]
            $0.logBytesMax = 4_095
        }),
        replacing("a log nobody writes", fork: division {
            $0.pumps = false
            $0.logs = ["log:0", "log:1"]
            $0.logBytesMax = 65_536
        }),
        replacing("a sink nobody writes to", fork: division {
            $0.pumps = false
            $0.outputSink = "null"
        }),
        Breach("more descriptors than one packet carries") { contributions in
            for index in 0..<250 { contributions[0].open(DescriptorName("more:\(index)"), .exitRecord) }
        },
        Breach("more steps than the launcher takes") { contributions in
            for _ in 0..<4_096 { contributions[0].add(.newKeyring, at: .identity) }
        },
    ]

    @Test("a plan that breaks a rule is refused", arguments: contradictions + missing + superfluous + values)
    func refused(breach: Breach) throws {
        var contributions = Sample.contributions
        breach.change(&contributions)
        #expect { try PlanBuilder.build(contributions) } throws: { ($0 as? Failure)?.code == breach.code }
    }
}

extension PlanContribution {
    /// The same contribution without its steps.
    var withoutSteps: PlanContribution {
        var bare = PlanContribution(isolator: isolator)
        bare.namespaces = namespaces
        bare.userMap = userMap
        bare.groupMap = groupMap
        bare.timeOffsets = timeOffsets
        bare.memoryScore = memoryScore
        bare.inControlGroup = inControlGroup
        for entry in descriptors { bare.open(entry.name, entry.source) }
        return bare
    }
}
