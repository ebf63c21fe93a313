import Containers
import Diagnostics

/// What may still be fetched and unpacked for a container: its limit of disk. Its files are fetched before it has a
/// quota, so nothing else holds them to it.
struct FetchBudget: Sendable {
    /// Nil: there is no limit.
    let bytesMax: UInt64?
    private var used: UInt64 = 0

    init(bytesMax: UInt64?) { self.bytesMax = bytesMax }

    var left: UInt64 { bytesMax.map { $0 - min($0, used) } ?? .max }

    mutating func take(_ bytes: UInt64) {
        let (sum, isTooMuch) = used.addingReportingOverflow(bytes)
        used = isTooMuch ? .max : sum
    }

    func exceeded(_ shown: String) -> Failure {
        let most = bytesMax ?? .max
        return Failure(
            "fetch.disk-limit", doing: "fetch", on: shown,
            cause: "with it what is fetched and unpacked takes more than the task's disk, \(ByteCount.text(most))",
            remedy: "give the task more of the resource disk, or fetch less", field: "command.uris",
            limit: "bytes \(most)")
    }
}
