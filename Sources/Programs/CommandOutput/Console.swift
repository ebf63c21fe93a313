public import Diagnostics
import LinuxKernel

/// Our own standard streams. Every text goes out with write(2) at once, so nothing is lost however we end.
public enum Console {
    public static func write(_ text: String) throws(Failure) { try write(Array(text.utf8), to: 1) }

    public static func write(_ bytes: [UInt8], to stream: Int32) throws(Failure) {
        do throws(KernelError) {
            try OwnedDescriptor.standardStream(stream).writeWaiting(bytes)
        } catch {
            throw error.failure("console.unwritable", doing: "write the output")
        }
    }

    /// A line for people on standard error. When nobody can read it there is nobody to tell that either.
    public static func note(_ text: String) {
        do throws(Failure) { try write(Array((text + "\n").utf8), to: 2) } catch { return }
    }

    public static func isTerminal(_ stream: Int32) -> Bool {
        do throws(KernelError) { return try OwnedDescriptor.standardStream(stream).isTerminal } catch { return false }
    }
}
