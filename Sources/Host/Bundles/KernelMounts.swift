import Diagnostics
import LinuxKernel

/// Where this mount namespace shows /proc or /sys: mounts of type proc and sysfs, proc_pid_mountinfo(5).
enum KernelMounts {
    static func find() throws(Failure) -> [String] {
        do throws(KernelError) {
            return places(in: try TextFile.read("/proc/self/mountinfo", limit: 64 << 20))
        } catch { throw error.failure("bundle.mounts", doing: "list the host's mounts") }
    }

    /// The last mounted first: one may be on top of another.
    static func places(in table: String) -> [String] {
        table.cut(at: "\n").reversed().compactMap { line in
            let fields = line.cut(at: " ", omittingEmptySubsequences: false)
            guard let separator = fields.firstIndex(of: "-"), separator + 1 < fields.count, fields.count > 4,
                fields[separator + 1] == "proc" || fields[separator + 1] == "sysfs"
            else { return nil }
            return unescaped(fields[4])
        }
    }

    /// Blanks and the like are written as three octal digits.
    static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, let value = UInt8(Substring(digits), radix: 8) {
                bytes.append(value)
                rest.removeFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
