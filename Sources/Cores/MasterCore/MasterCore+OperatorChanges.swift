import ClusterAPI
import Determinism

/// What operators change.
extension MasterCore {
    mutating func operate(
        _ change: OperatorChange, _ call: CallID, by principal: String?, at now: Instant
    ) {
        answer(call, CallAnswer(status: 501, .text("This call is not served yet")))
    }

    mutating func operated(_ change: OperatorChange, _ call: CallID, at now: Instant) {
        answer(call, .done)
    }
}
