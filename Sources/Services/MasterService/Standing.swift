import ClusterAPI
import HTTPServing
import Synchronization

/// Whether this master leads, or who does: what every request is asked against first.
final class Standing: Sendable {
    enum Present: Sendable {
        /// Has just begun; nobody leads yet as far as it knows.
        case recovering
        case leading(MasterDriver)
        /// Nil: nobody leads.
        case following(MasterInfo?)
        /// Has led and does not any more; the process is about to end.
        case ended
    }
    private let state = Mutex(Present.recovering)

    var present: Present { state.withLock { $0 } }
    func set(_ present: Present) { state.withLock { $0 = present } }

    var driver: MasterDriver? {
        if case .leading(let driver) = present { driver } else { nil }
    }

    /// What is answered while this master does not lead: nil when it does.
    func refusal(of target: RequestTarget) -> Response? {
        switch present {
        case .leading: nil
        case .recovering: .text(.serviceUnavailable, "Master has not finished recovery")
        case .following(nil), .ended: .text(.serviceUnavailable, "No leader elected")
        case .following(let leader?): Standing.redirect(to: leader, for: target)
        }
    }

    static func redirect(to leader: MasterInfo, for target: RequestTarget) -> Response {
        let host = leader.address.hostname.isEmpty ? leader.address.address ?? "" : leader.address.hostname
        return Redirect.response(to: (host, Int(leader.address.port)), for: target)
    }
}
