import Diagnostics
import LinuxKernel
import RuntimeSpec

/// Whoever listens at linux.seccomp.listenerPath: gets the descriptor that a filter hands calls to, with the state of
/// the process it is about; runtime-spec "The Container Process State".
struct ListenerAgent {
    let section: SeccompSection?
    /// Number of the process on the host.
    let process: Int32
    let state: RuntimeState

    /// Asked before anything is made; whether somebody listens there is seen when it is connected to.
    static func isSocket(_ path: String) -> Bool {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path), [.path]).status().kind == .socket
        } catch { return false }
    }

    func give(_ listener: OwnedDescriptor) throws(Failure) {
        guard let path = section?.listenerPath else {
            throw Failure(
                "bundle.listener", doing: "hand over the seccomp listener", cause: "nobody is named to get it",
                remedy: "give linux.seccomp.listenerPath", field: "linux.seccomp.listenerPath")
        }
        let text = document.utf8
        do throws(KernelError) {
            try OwnedDescriptor.connection(toSocketAt: path).sendMessage(text, descriptors: [listener])
        } catch {
            // It had a socket, and nothing would ever have come of it.
            if section?.mayHandOver == false { return }
            throw error.failure(
                "bundle.listener", doing: "hand over the seccomp listener", on: path,
                remedy: "listen at linux.seccomp.listenerPath", retry: .never)
        }
    }

    private var document: SpecValue {
        var members = SpecValue.noMembers
        members["ociVersion"] = .string(RuntimeState.version)
        members["fds"] = ["seccompFd"]
        members["pid"] = .number(process)
        if let metadata = section?.listenerMetadata { members["metadata"] = .string(metadata) }
        members["state"] = state.document
        return .object(members)
    }
}
