import Containers
import Diagnostics
import ImageStorage
import LinuxKernel
import NativeContainerizer

/// A launch with its image pinned from before the container exists until it is gone.
struct LeasedLaunch {
    let containerizer: NativeContainerizer
    let store: ImageStore
    let global: GlobalOptions
    let request: ContainerRequest
    let image: StoredImage

    func detached() throws(Failure) {
        let launching = try lease()
        defer { withExtendedLifetime(launching) {} }
        do throws(Failure) {
            _ = try containerizer.launch(request, layers: image.layers, attachment: Attachment())
        } catch { throw unleased(error) }
    }

    /// Gives how it ended.
    func foreground() throws(Failure) -> ForegroundRun.End {
        var launching: OwnedDescriptor? = try lease()
        // Only now: while we wait for the store, an interrupt ends us as it ends any command.
        let signals = try SignalForwarding()
        let foreground = ForegroundRun(
            containerizer: containerizer, request: request, layers: image.layers, format: global.output)
        do throws(Failure) {
            let end = try foreground.run(signals) { launching = nil }
            if request.removeAtEnd { try store.release(container: request.id.text) }
            return end
        } catch {
            withExtendedLifetime(launching) {}
            throw unleased(error)
        }
    }

    private func lease() throws(Failure) -> OwnedDescriptor {
        let launching = try containerizer.launchLock()
        try store.lease(container: request.id.text, image: image)
        return launching
    }

    /// After a failure the lease goes if nothing of the container is left.
    private func unleased(_ failure: Failure) -> Failure {
        do throws(Failure) {
            if try containerizer.records.read(request.id) == nil { try store.release(container: request.id.text) }
            return failure
        } catch { return failure.also(error) }
    }
}
