public import Diagnostics
public import LinuxKernel

/// Our own standard streams. Every text goes out with write(2) at once, so nothing is lost however we end.
public enum Console {
    /// Whoever read our output has gone, as `head` does: nothing to say and nobody to say it to.
    public static let readerGone: Failure.Code = "console.reader-gone"
    public static let unwritable: Failure.Code = "console.unwritable"

    public static func write(_ text: String) throws(Failure) { try write(Array(text.utf8), to: 1) }

    public static func write(_ bytes: [UInt8], to stream: Int32) throws(Failure) {
        do throws(KernelError) {
            try OwnedDescriptor.standardStream(stream).writeWaiting(bytes)
        } catch {
            throw failure(error, writingTo: stream)
        }
    }

    /// What `error` means, met while writing to our stream of that number: one of the two codes above.
    public static func failure(_ error: KernelError, writingTo stream: Int32) -> Failure {
        let isFull = [Errno.noSpace, Errno.quotaExceeded].contains(error.errno)
        return error.failure(
            error.errno == Errno.brokenPipe ? readerGone : unwritable, doing: "write to",
            on: stream == 2 ? "standard error" : "standard output",
            remedy: (isFull ? "make room there, or " : "") + "send it elsewhere")
    }

    /// A line for people on standard error; it may hold text of strangers. When nobody can read it there is nobody to
    /// tell that either.
    public static func note(_ text: String) {
        do throws(Failure) { try write(Array((Untrusted.shown(text) + "\n").utf8), to: 2) } catch { return }
    }

    public static func isTerminal(_ stream: Int32) -> Bool {
        do throws(KernelError) { return try OwnedDescriptor.standardStream(stream).isTerminal } catch { return false }
    }
}
