import Glibc

/// A path or file name as the kernel has it: bytes without NUL, not necessarily UTF-8.
public struct RawPath: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// With the terminating NUL.
    private let terminated: ContiguousArray<CChar>

    /// A path holding a NUL byte is cut there by every system call, so callers that take names from outside refuse
    /// them first; here it traps.
    public init(bytes: some Sequence<UInt8>) {
        var storage = ContiguousArray<CChar>()
        storage.reserveCapacity(bytes.underestimatedCount + 1)
        for byte in bytes {
            precondition(byte != 0, "a path holds a NUL byte")
            storage.append(CChar(bitPattern: byte))
        }
        storage.append(0)
        terminated = storage
    }

    public init(_ text: String) { self.init(bytes: text.utf8) }
    public init(stringLiteral value: String) { self.init(value) }

    public var bytes: [UInt8] {
        terminated.withUnsafeBytes { [UInt8](UnsafeRawBufferPointer(rebasing: $0.dropLast())) }
    }
    public var count: Int { terminated.count - 1 }

    /// The order of the names' bytes, in which a path that others begin with comes first.
    public func precedes(_ other: RawPath) -> Bool {
        // The NUL at the end is less than every byte of a path.
        terminated.withUnsafeBytes { own in other.terminated.withUnsafeBytes { own.lexicographicallyPrecedes($0) } }
    }

    /// For people: invalid UTF-8 is shown as replacement characters.
    public var description: String { String(decoding: bytes, as: UTF8.self) }

    public func withCString<Result, Problem: Error>(
        _ body: (UnsafePointer<CChar>) throws(Problem) -> Result
    ) throws(Problem) -> Result {
        let storage = terminated
        // The storage is never empty (it holds the NUL), so there is a base address.
        return try withExtendedLifetime(storage) { () throws(Problem) -> Result in
            var outcome: Swift.Result<Result, Problem>?
            storage.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                do throws(Problem) { outcome = .success(try body(base)) } catch { outcome = .failure(error) }
            }
            guard let outcome else { preconditionFailure("a path without storage") }
            return try outcome.get()
        }
    }
}
