import Authorization
import ClusterAPI
import ClusterModel
import Determinism

/// Operators: those who watch, and those who change something.
extension MasterCore {
    mutating func operatorCall(
        _ request: OperatorCall, _ call: CallID, by principal: String?, at now: Instant
    ) {
        switch request {
        case .subscribe: observe(call, by: principal)
        case .change(.teardown(let framework)): tearDown(framework, call, by: principal, at: now)
        case .change(let change): operate(change, call, by: principal, at: now)
        case .query, .process:
            // Reads never come this way: the driver asks `response(to:)`.
            answer(call, .invalid("This call changes nothing"))
        }
    }

    /// A stream that begins with everything there is; the oldest one makes room when there are too many.
    ///
    /// All observers are told the same, so that only who may see all of it may be one.
    private mutating func observe(_ call: CallID, by principal: String?) {
        for action in [Action.viewTask, .viewFramework, .viewExecutor, .viewAgents] {
            if let refusal = refusal(of: action, on: nil, by: principal) {
                answer(call, .forbidden(refusal))
                return
            }
        }
        if observers.count >= configuration.limits.observersMax { closeStream(observers.removeFirst()) }
        lastStream += 1
        let stream = StreamID(lastStream)
        observers.append(stream)
        streams[stream] = .observer
        emit(.openStream(call, stream))
        emit(.introduce(stream, to: principal))
    }

    private mutating func tearDown(
        _ framework: FrameworkID, _ call: CallID, by principal: String?, at now: Instant
    ) {
        guard let record = frameworks[framework] else {
            answer(call, .invalid("No framework found with specified ID"))
            return
        }
        let decision = configuration.authorizer.decide(
            Subject(principal: principal), to: .teardownFramework, on: record.info.principal)
        guard decision.isAllowed else {
            answer(call, .forbidden("Not authorized to tear down framework '\(framework)'"))
            return
        }
        remove(framework, for: .tornDownByOperator, call, at: now)
    }
}
