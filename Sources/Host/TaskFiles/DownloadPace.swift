/// How fast a server is, by what it sends in the time that it is waited for. What is done with a piece before the next
/// is waited for, such as writing it to a slow disk, is not the server's time.
struct DownloadPace {
    /// What is asked of it.
    let seconds: Double
    let bytesMin: UInt64

    private var bytes: UInt64 = 0
    private var waited = 0.0
    /// The beginning of the present wait; nil before the first piece, for making a connection has limits of its own.
    private var since: Double?

    init(seconds: Double, bytesMin: UInt64) {
        self.seconds = seconds
        self.bytesMin = bytesMin
    }

    /// From `now` on the next piece is waited for.
    mutating func wait(from now: Double) { since = now }

    /// Takes note of a piece of `count` bytes that came at `now`. False: it is too slow.
    mutating func isKept(by count: Int, at now: Double) -> Bool {
        bytes += UInt64(count)
        if let since { waited += max(0, now - since) }
        since = nil
        guard waited >= seconds else { return true }
        defer { (bytes, waited) = (0, 0) }
        return bytes >= bytesMin
    }
}
