public import Diagnostics
import Glibc

/// A system call that failed: which, on what, with what errno.
public struct KernelError: Error, Equatable, Sendable, CustomStringConvertible {
    public var call: String
    public var subject: String?
    public var errno: Int32

    public init(call: String, on subject: String? = nil, errno: Int32) {
        self.call = call
        self.subject = subject
        self.errno = errno
    }

    public var description: String {
        let where_ = subject.map { " on \(Untrusted.shown($0))" } ?? ""
        return "\(call)\(where_) returned \(ErrnoName.described(errno))"
    }

    /// This error as a `Failure` that says what was being done and what to do about it.
    public func failure(
        _ code: Failure.Code, doing: String, on subject: String? = nil, remedy: String? = nil,
        retry: Failure.Retry = .never
    ) -> Failure {
        Failure(code, doing: doing, on: subject ?? self.subject, cause: description, remedy: remedy, retry: retry)
    }
}

/// Runs a system call, again after EINTR, and turns -1 into a `KernelError` before anything else can change errno.
@discardableResult
@inline(__always)
func checked<Result: FixedWidthInteger & SignedInteger>(
    _ call: @autoclosure () -> String, on subject: @autoclosure () -> String? = nil, _ body: () -> Result
) throws(KernelError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let number = errno
        if number == EINTR { continue }
        throw KernelError(call: call(), on: subject(), errno: number)
    }
}

/// The errno values code outside the Kernel layer decides by.
public enum Errno {
    public static let noEntry = ENOENT
    public static let exists = EEXIST
    public static let notPermitted = EPERM
    public static let accessDenied = EACCES
    public static let notDirectory = ENOTDIR
    public static let isDirectory = EISDIR
    public static let tooManyLinks = ELOOP
    public static let crossDevice = EXDEV
    public static let notSupported = EOPNOTSUPP
    public static let noSystemCall = ENOSYS
    public static let invalid = EINVAL
    public static let busy = EBUSY
    public static let wouldBlock = EAGAIN
    public static let noSpace = ENOSPC
    public static let quotaExceeded = EDQUOT
    public static let notEmpty = ENOTEMPTY
    public static let noProcess = ESRCH
    public static let noChild = ECHILD
    public static let brokenPipe = EPIPE
    public static let connectionReset = ECONNRESET
    public static let noData = ENODATA
    public static let nameTooLong = ENAMETOOLONG
    public static let noDevice = ENODEV
    public static let readOnlyFilesystem = EROFS
    public static let inputOutput = EIO
    public static let fileTooBig = EFBIG
    public static let notBlockDevice = ENOTBLK
    public static let addressInUse = EADDRINUSE
    public static let refused = ECONNREFUSED
    public static let timedOut = ETIMEDOUT
    public static let canceled = ECANCELED
    public static let fault = EFAULT
    public static let overflow = EOVERFLOW
    public static let badDescriptor = EBADF
}
