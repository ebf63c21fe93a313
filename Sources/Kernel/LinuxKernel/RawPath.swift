import Glibc

/// A path or file name as the kernel has it: bytes without NUL, not necessarily UTF-8.
public struct RawPath: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// With the terminating NUL.
    private let terminated: ContiguousArray<CChar>

    /// A path holding a NUL byte is cut there by every system call, so callers that take names from outside refuse
    /// them first; here it traps.
    public init(bytes: some Sequence<UInt8>) {
        // At once where they lie together, as names mostly do: an archive has tens of thousands of them.
        terminated = bytes.withContiguousStorageIfAvailable { Self.terminated($0) }
            ?? Array(bytes).withUnsafeBufferPointer { Self.terminated($0) }
    }

    private static func terminated(_ bytes: UnsafeBufferPointer<UInt8>) -> ContiguousArray<CChar> {
        precondition(!bytes.contains(0), "a path holds a NUL byte")
        return ContiguousArray(unsafeUninitializedCapacity: bytes.count + 1) { storage, count in
            UnsafeMutableRawBufferPointer(storage).copyMemory(from: UnsafeRawBufferPointer(bytes))
            storage[bytes.count] = 0
            count = bytes.count + 1
        }
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

    /// Whether the first bytes are `other`'s.
    public func starts(with other: RawPath) -> Bool {
        guard count >= other.count else { return false }
        return terminated.withUnsafeBytes { own in
            other.terminated.withUnsafeBytes { $0.dropLast().elementsEqual(own[..<other.count]) }
        }
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
