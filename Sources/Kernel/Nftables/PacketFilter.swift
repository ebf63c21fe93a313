import CNftables
public import Diagnostics

/// The packet filter of the network namespace this thread is in, through libnftables(3).
///
/// Every `run` is one transaction: all of it holds, or nothing changed. Not Sendable: a session belongs to its thread.
public final class PacketFilter {
    private static let shownBytesMax = 600
    private let session: OpaquePointer

    /// - Throws: `host.no-nftables` when the library is not installed; it is loaded here, not before.
    public init() throws(Failure) {
        var problem: UnsafePointer<CChar>?
        guard let session = bh_nft_new(&problem) else {
            throw Failure(
                "host.no-nftables", doing: "load the packet filter's library",
                cause: problem.map { String(cString: $0) } ?? "it gave no reason",
                remedy: "install libnftables1, or use network none")
        }
        self.session = session
    }

    deinit { bh_nft_free(session) }

    /// Carries out commands in nft's language or in the JSON of libnftables-json(5); gives what they print, as JSON.
    ///
    /// - Throws: `network.filter-refused` with the library's first words.
    @discardableResult
    public func run(_ commands: String, to purpose: String) throws(Failure) -> String {
        var output: UnsafePointer<CChar>?
        var error: UnsafePointer<CChar>?
        let result = bh_nft_run(session, commands, &output, &error)
        if result == 0 { return output.map { String(cString: $0) } ?? "" }
        let words = error.map { String(cString: $0) } ?? ""
        let shown = words.cut(at: "\n").prefix(3).joined(separator: " ").utf8.prefix(Self.shownBytesMax)
        throw Failure(
            "network.filter-refused", doing: purpose, on: "the packet filter",
            cause: shown.isEmpty ? "it gave no reason" : String(decoding: shown, as: UTF8.self),
            remedy: "see that the kernel has nf_tables (inet and bridge families, nat, fib) and nobody else changes "
                + "the tables named 'bulkhead'")
    }
}
