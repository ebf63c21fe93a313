import Containerizing
import Diagnostics
import ImageStorage
import LinuxKernel
import OCIFormat
import Waiting

/// Images of the engine, and of our store for what the engine does not have: loaded on demand, called by their digest,
/// and tagged with a name of ours only, so that no name of somebody else's at the same engine changes.
struct EngineImages: Sendable {
    struct Found: Sendable {
        /// `sha256:…` of the configuration.
        var id: String
        var config: ImageConfig
        /// As the image says it; empty for root.
        var user: String
    }

    let engine: Engine
    let store: ImageStore?
    let installation: String
    /// Directory for an archive on its way.
    let scratch: String

    private var repository: String { "bulkhead.invalid/\(installation.lowercased())" }

    /// - Throws: `image.not-found`.
    func find(_ reference: String) async throws(Failure) -> Found {
        guard let store else { return try await present(reference) }
        let stored: StoredImage
        do throws(Failure) {
            stored = try await ThreadPool.shared.run { () throws(Failure) in try store.resolve(reference) }
        } catch {
            guard error.code == "image.not-found" else { throw error }
            return try await present(reference)
        }
        let id = "\(stored.summary.id)"
        if let found = try await look(id) { return found }
        try await load(stored, from: store)
        return try await present(id)
    }

    private func present(_ name: String) async throws(Failure) -> Found {
        if let found = try await look(name) { return found }
        throw Failure(
            "image.not-found", doing: "find the image", on: name,
            cause: "neither the store nor the Docker Engine has it",
            remedy: "import it: bulkhead image import", field: "image")
    }

    /// Asks the policy in force before a container is made of the image.
    /// - Throws: `image.untrusted`; for the engine's own images whenever the policy asks for anything.
    func admit(_ reference: String) async throws(Failure) {
        guard let store else { return }
        try await ThreadPool.shared.run { () throws(Failure) in
            let stored: StoredImage
            do throws(Failure) { stored = try store.resolve(reference) } catch {
                guard error.code == "image.not-found" else { throw error }
                return try store.admitStranger(reference)
            }
            _ = try store.admit(stored)
        }
    }

    private func look(_ name: String) async throws(Failure) -> Found? {
        let answer = try await engine.call(
            "GET", "/images/\(Engine.quoted(name))/json", accepting: [200, 400, 404], doing: "look for the image",
            on: name)
        guard answer.status == 200, let id = answer.body["Id"].string else { return nil }
        let said = answer.body["Config"]
        var config = ImageConfig(layers: [])
        config.entrypoint = said["Entrypoint"].strings
        config.command = said["Cmd"].strings
        config.environment = said["Env"].strings
        config.workingDirectory = said["WorkingDir"].string ?? ""
        return Found(id: id, config: config, user: said["User"].string ?? "")
    }

    private func load(_ image: StoredImage, from store: ImageStore) async throws(Failure) {
        let id = "\(image.summary.id)"
        let name = try ImageReference(parsing: "\(repository):\(image.summary.id.hex.prefix(32))")
        let archive = try await ThreadPool.shared.run { () throws(Failure) in
            let file: OwnedDescriptor
            do throws(KernelError) {
                try Directories.makeAll(scratch, mode: 0o700)
                let directory = try OwnedDescriptor.open(RawPath(scratch), [.directory])
                let name = RawPath("image-\(String(KernelRandom.number(), radix: 36))")
                file = try directory.open(name, [.readWrite, .create, .exclusive], mode: 0o600)
                try directory.unlink(name)
            } catch {
                throw error.failure("image.export-write", doing: "make a file for the image", on: scratch)
            }
            try store.export(id, to: file, format: .dockerArchive, named: name)
            return file
        }
        try await engine.upload("/images/load?quiet=1", archive, doing: "load the image into the engine", on: id)
    }

    /// Removes what we loaded and no container needs.
    func prune(excluding: [String]) async throws(Failure) -> [String] {
        let filters: JSONValue = ["reference": [.string(repository)]]
        let list = try await engine.call(
            "GET", "/images/json?filters=" + Engine.quoted(filters.text), doing: "list the engine's images"
        ).body.array
        var kept: Set<String> = []
        for name in excluding {
            kept.insert(name)
            do throws(Failure) { kept.insert(try await find(name).id) } catch {
                guard error.code == "image.not-found" else { throw error }
            }
        }
        var removed: [String] = []
        for image in list {
            guard let id = image["Id"].string, !kept.contains(id) else { continue }
            for tag in image["RepoTags"].strings where tag.begins(with: repository + ":") && !kept.contains(tag) {
                // 409: a container has it.
                let answer = try await engine.call(
                    "DELETE", "/images/\(Engine.quoted(tag))", accepting: [200, 404, 409], within: .files,
                    doing: "remove the image", on: tag)
                if answer.status == 200 { removed.append(tag) }
            }
        }
        return removed.sorted()
    }
}
