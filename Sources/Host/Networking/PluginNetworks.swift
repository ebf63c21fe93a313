public import Containers
public import Diagnostics
public import LinuxKernel
import NetworkFormat

/// A name for a network namespace that outlives its processes: plugins take apart what they made inside it after the
/// container has ended. The one thing of a container's in the host's mount table, for `cni:` networks only.
struct NamespacePin: Sendable {
    var path: String

    func make(of process: ProcessHandle) throws(KernelError) {
        _ = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .noFollow], mode: 0o600)
        try OwnedDescriptor.open(RawPath("/proc/\(process.id)/ns/net")).detachedTree().attachMount(at: path)
        // Not another process's that got the number meanwhile.
        guard try !process.hasEnded() else {
            try Mounts.detach(path)
            throw KernelError(call: "pin the network of", on: "process \(process.id)", errno: Errno.noProcess)
        }
    }

    /// One that is not there, or was never more than a file, is fine.
    func remove() throws(Failure) {
        guard !path.isEmpty, HostFacts.exists(path) else { return }
        do throws(KernelError) {
            do throws(KernelError) { try Mounts.detach(path) } catch {
                guard error.errno == Errno.invalid else { throw error }
            }
            guard let cut = path.lastPosition(of: "/") else { return }
            try OwnedDescriptor.open(RawPath(String(path[..<cut])), [.directory])
                .unlink(RawPath(String(path[path.utf8.index(after: cut)...])))
        } catch {
            throw error.failure("state.unwritable", doing: "let go of the network namespace", on: path)
        }
    }
}

extension ContainerNetworks {
    /// Has the plugins of the list give the process's network namespace its interface. `holder` as for `reserve`.
    public func connect(
        _ id: ContainerID, to request: PluginRequest, process: ProcessHandle, holder: String
    ) throws(Failure) {
        let list = try PluginList.named(request.network, in: request.configurations)
        var attachment = NetworkAttachment(
            container: id, holder: holder, network: request.network, device: "", link: "", addresses: [],
            ports: [], reach: NetworkReach(), callers: [], bandwidth: NetworkBandwidth())
        var files: NetworkFiles? = try opened()
        guard let root = files?.root else { return }
        var plugins = PluginAttachment(
            list: list.text, programs: request.programs, namespace: "\(root)/containers/\(id.text).ns",
            argumentText: PluginAttachment.arguments(request).text)
        attachment.plugins = plugins
        try files?.write(attachment)
        // Plugins take their time and have locks of their own.
        files = nil
        do throws(KernelError) { try NamespacePin(path: plugins.namespace).make(of: process) } catch {
            throw error.failure("network.kernel-refused", doing: "pin the network of container", on: id.text)
        }
        let result = try PluginRun(container: id, plugins).add()
        plugins.result = result?.text
        attachment.plugins = plugins
        attachment.addresses = PluginRun.addresses(in: result)
        attachment.ports = request.ports
        try opened().write(attachment)
    }

    /// A plugin that cannot undo what it did must not hold up whoever lists, starts or removes containers: what it
    /// said is kept with the attachment, shown by `network ls`, and every sweep tries again.
    func releasePlugins(_ attachment: NetworkAttachment) throws(Failure) {
        guard var plugins = attachment.plugins else { return }
        let id = attachment.container
        do throws(Failure) {
            try PluginRun(container: id, plugins).delete()
        } catch {
            // Nothing was added: DEL was a courtesy.
            if plugins.result != nil {
                plugins.problem = ([error] + error.alsoFailed).map(\.description).joined(separator: "; ")
                var kept = attachment
                kept.plugins = plugins
                return try change(attachment) { files throws(Failure) in try files.write(kept) }
            }
            try NamespacePin(path: plugins.namespace).remove()
        }
        try change(attachment) { files throws(Failure) in try files.release(attachment, offset: nil) }
    }

    /// Not where somebody else has undone it, or made it anew, while nobody held the lock.
    private func change(
        _ attachment: NetworkAttachment, _ body: (NetworkFiles) throws(Failure) -> Void
    ) throws(Failure) {
        guard let files = try NetworkFiles.open(root, making: false),
            try files.attachment(attachment.container) == attachment
        else { return }
        try body(files)
    }

    /// What plugins said of containers that are gone and that they could not take apart.
    public func problems() throws(Failure) -> [String] {
        try NetworkFiles.open(root, making: false)?.attachments().compactMap { $0.plugins?.problem } ?? []
    }

    /// Asks the plugins of a container's network whether it is as they left it. Fine for one without any.
    public func check(_ id: ContainerID) throws(Failure) {
        guard let plugins = try attachment(id)?.plugins else { return }
        try PluginRun(container: id, plugins).check()
    }

    /// Tells the plugins of a network which containers are still on it, so that they give back what others had.
    public func collect(_ network: String, in directory: String, programs: [String]) throws(Failure) {
        let list = try PluginList.named(network, in: directory)
        let valid = try NetworkFiles.open(root, making: false)?.attachments()
            .filter { $0.plugins != nil && $0.network == network }.map(\.container) ?? []
        let plugins = PluginAttachment(list: list.text, programs: programs, namespace: "", argumentText: "{}")
        try PluginRun(container: try ContainerID("gc"), plugins).collect(valid: valid)
    }
}
