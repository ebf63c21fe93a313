public import Diagnostics

extension LaunchPlan {
    /// The plan itself when the launcher could carry it out as meant.
    ///
    /// The order that keeps the walls up is checked here once more, whoever built the plan: the task is executed last,
    /// the filter comes after everything it would forbid, no descriptor is left open by accident.
    public func validated() throws(Failure) -> LaunchPlan {
        try checkSpawn()
        try checkLimits()
        try checkOrder()
        try checkRoot()
        try checkStreams()
        try checkDescriptors()
        for planned in steps { try checkTexts(planned) }
        for planned in steps { try checkValues(planned) }
        return self
    }

    private func broken(_ rule: String, at planned: PlannedStep? = nil, on subject: String? = nil) -> Failure {
        Failure(
            "plan.invalid", doing: "build the launch plan", on: subject,
            cause: planned.map { "\(rule) (isolator \($0.isolator))" } ?? rule)
    }

    private func positions(_ matches: (Step) -> Bool) -> [Int] {
        steps.indices.filter { matches(steps[$0].step) }
    }

    private func checkSpawn() throws(Failure) {
        guard spawn.joined.isDisjoint(with: spawn.namespaces) else {
            throw broken("a namespace is either new or another container's")
        }
        if spawn.joined.contains(.user), !steps.contains(where: { $0.step == .becomeRoot }) {
            throw broken("in another container's user namespace the launcher must become its root")
        }
        if spawn.namespaces.contains(.user) {
            guard !spawn.userMap.isEmpty, !spawn.groupMap.isEmpty else {
                throw broken("a new user namespace needs a user id map and a group id map")
            }
            guard steps.contains(where: { $0.step == .becomeRoot }) else {
                throw broken("in a new user namespace the launcher must become its root")
            }
        } else if !spawn.userMap.isEmpty || !spawn.groupMap.isEmpty {
            throw broken("id maps need a new user namespace")
        }
        for file in spawn.joinedFiles where !spawn.namespaces.isDisjoint(with: file.kind) || file.kind == .time {
            throw broken(
                "a namespace is either new or another one's, and one of time is joined by a step", on: file.path)
        }
        if spawn.joinedFiles.contains(where: { $0.kind == .user }), !steps.contains(where: { $0.step == .becomeRoot }) {
            throw broken("in another user namespace the launcher must become its root")
        }
        if spawn.timeOffsets != nil, !spawn.namespaces.contains(.time) {
            throw broken("time offsets need a new time namespace")
        }
    }

    private func checkLimits() throws(Failure) {
        guard steps.count <= PlanFormat.stepsMax else {
            throw broken("it has \(steps.count) steps, the launcher takes \(PlanFormat.stepsMax)")
        }
        guard descriptors.count <= PlanFormat.descriptorsMax else {
            throw broken(
                "it has \(descriptors.count) descriptors, a launch can hand over \(PlanFormat.descriptorsMax)")
        }
        for (earlier, later) in zip(steps, steps.dropFirst()) where later.stage < earlier.stage {
            throw broken("a step of stage \(later.stage) comes after stage \(earlier.stage)", at: later)
        }
    }

    private func checkOrder() throws(Failure) {
        let execute = positions { if case .execute = $0 { true } else { false } }
        guard execute == [steps.count - 1] else { throw broken("the task must be executed once, as the last step") }
        let close = positions { if case .closeDescriptors = $0 { true } else { false } }
        guard close.count == 1 else { throw broken("descriptors must be closed exactly once") }
        let filters = positions {
            switch $0 {
            case .installFilter, .listeningFilter: true
            default: false
            }
        }
        let privileges = positions { $0 == .noNewPrivileges }
        let credentials = positions { if case .credentials = $0 { true } else { false } }
        guard privileges.count <= 1, credentials.count == 1 else {
            throw broken("the credentials are set exactly once, no_new_privs at most once")
        }
        guard let filter = filters.first else { return }
        guard filters.count == 1, privileges.first.map({ $0 < filter }) ?? keepsFilterCapability(credentials[0]) else {
            throw broken("no_new_privs must be set before a filter is installed", at: steps[filter])
        }
        if credentials[0] > filter {
            throw broken("a filter must be installed after the credentials are set", at: steps[filter])
        }
        if close[0] > filter {
            throw broken("a filter must be installed after the descriptors are closed", at: steps[filter])
        }
    }

    /// Without no_new_privs only CAP_SYS_ADMIN lets a filter be installed. A bundle's process that may gain privileges
    /// keeps it until exec, which takes it away again unless the bounding set has it (capabilities(7)).
    private func keepsFilterCapability(_ index: Int) -> Bool {
        guard case .credentials(let credentials) = steps[index].step else { return false }
        return CapabilitySet(rawValue: credentials.effective).contains(.sysAdmin)
    }

    private func checkRoot() throws(Failure) {
        let attach = positions { if case .attachRoot = $0 { true } else { false } }
        let enter = positions { $0 == .enterRoot || $0 == .changeRoot || $0 == .takeRoot(nil) }
        guard attach.count <= 1, enter.count == attach.count else {
            throw broken("a root must be attached once and then entered once")
        }
        for (index, planned) in steps.enumerated() where planned.step.changesRoot {
            guard let start = attach.first, start < index else {
                throw broken("nothing may be mounted before the container's root is attached", at: planned)
            }
        }
        if let start = attach.first, let end = enter.first, end < start {
            throw broken("the root must be attached before it is entered", at: steps[end])
        }
    }

    private func checkStreams() throws(Failure) {
        let divisions = steps.compactMap { if case .divide(let division) = $0.step { division } else { nil } }
        let terminals = positions { if case .terminal = $0 { true } else { false } }
        let streams = positions { if case .standardStreams = $0 { true } else { false } }
        guard divisions.count <= 1, terminals.count + streams.count == 1 else {
            throw broken("there is at most one fork, and the standard streams are set exactly once")
        }
        guard let division = divisions.first else { return }
        guard division.hasTerminal == !terminals.isEmpty else {
            throw broken("the fork and the terminal step must agree on whether there is a terminal")
        }
        guard division.logs.isEmpty || division.logs.count == 2 else {
            throw broken("the log is two files or none")
        }
        guard division.logs.isEmpty || division.logBytesMax >= PlanFormat.logBytesMin else {
            throw broken("a log file must hold at least \(PlanFormat.logBytesMin) bytes")
        }
        let copies = !division.logs.isEmpty || division.outputSink != nil || division.errorSink != nil
        guard division.pumps || !copies else {
            throw broken("a log or a sink needs the output to be pumped")
        }
    }

    private func checkDescriptors() throws(Failure) {
        var moved: Set<DescriptorName> = []
        for planned in steps {
            for name in planned.step.descriptorNames where descriptors[name] == nil {
                throw broken("no contribution opens this descriptor", at: planned, on: name.text)
            }
            if let tree = planned.step.movedTree, !moved.insert(tree).inserted {
                throw broken("a mount can be attached only once", at: planned, on: tree.text)
            }
        }
    }

    private func checkTexts(_ planned: PlannedStep) throws(Failure) {
        for text in planned.step.texts where text.utf8.contains(0) {
            throw broken("a text contains a NUL byte", at: planned, on: text)
        }
        for path in planned.step.rootPaths where !path.utf8.starts(with: "/".utf8) {
            throw broken("a path inside the root must begin with a slash", at: planned, on: path)
        }
    }

    private func checkValues(_ planned: PlannedStep) throws(Failure) {
        switch planned.step {
        case .execute(let arguments, _):
            guard let program = arguments.first, !program.isEmpty else {
                throw broken("there is no program to execute", at: planned)
            }
        case .installFilter(
            _, let program), .listeningFilter(_, let program): try checkFilter(program, empty: false, at: planned)
        case .divide(let division): try checkFilter(division.initFilter, empty: true, at: planned)
        case .credentials(let credentials):
            guard credentials.groups.count <= PlanFormat.groupsMax else {
                throw broken("too many supplementary groups", at: planned)
            }
        case .closeDescriptors(let keep, let gaps):
            guard gaps.allSatisfy({ $0 >= 3 && $0 - 3 < keep }) else {
                throw broken("a gap is not among the descriptors that are kept", at: planned)
            }
        case .sysctl(let name, _):
            let parts = name.cut(at: "/", omittingEmptySubsequences: false)
            guard parts.count > 1, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
                throw broken("a sysctl is named by its path below /proc/sys", at: planned, on: name)
            }
        case .limit(let limit):
            guard limit.soft <= limit.hard else { throw broken("a soft limit is above its hard limit", at: planned) }
        default: break
        }
    }

    private func checkFilter(_ program: FilterProgram, empty: Bool, at planned: PlannedStep) throws(Failure) {
        guard program.bytes.count.isMultiple(of: 8), empty || !program.bytes.isEmpty,
            program.instructionCount <= PlanFormat.filterInstructionsMax
        else {
            throw broken("a filter is 1 to \(PlanFormat.filterInstructionsMax) whole instructions", at: planned)
        }
    }
}
