import Diagnostics
import LinuxKernel

/// Runs system calls on the store and says, when one fails, what the store was doing.
func onStore<Result>(
    _ doing: String, _ subject: String? = nil, _ body: () throws(KernelError) -> Result
) throws(Failure) -> Result {
    do throws(KernelError) { return try body() } catch { throw StoreFailure.make(error, doing: doing, on: subject) }
}

enum StoreFailure {
    /// A full disk has a code of its own: it is the one failure that passes without anybody changing the request.
    static func make(_ error: KernelError, doing: String, on subject: String?) -> Failure {
        let isFull = error.errno == Errno.noSpace || error.errno == Errno.quotaExceeded
        return error.failure(
            isFull ? "image.disk-full" : "image.store", doing: doing, on: subject,
            remedy: isFull ? freeSpace : nil,
            retry: isFull ? .later : .never)
    }

    static let freeSpace = "free space where the image store is, or remove images with 'bulkhead image prune'"

    static let damagedCode: Failure.Code = "image.store-damaged"

    static func damaged(_ subject: String, _ cause: String) -> Failure {
        Failure(
            damagedCode, doing: "read the image store's", on: subject, cause: cause,
            remedy: "remove the image and import it again")
    }
}
