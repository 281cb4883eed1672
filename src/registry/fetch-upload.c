/*
 * Sending. A blob that the repository has is not sent again, and one that the registry has in another
 * repository is mounted from there; others go in one piece (distribution specification, "Pushing a blob
 * monolithically": POST, then PUT). When that breaks, the registry is asked how much of it has come and gets
 * the rest (PATCH, then an empty PUT); one that does not say, or has forgotten, gets all of it anew. What is
 * too large for one request (413, from proxies in front of registries) goes in ever smaller pieces. The
 * offset of descriptor 0, which the engine shares, says how far it is.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "registry/fetch-program.h"

enum { PIECE_MAXIMUM = 64 << 20, PIECE_MINIMUM = 64 << 10 };

typedef struct Upload {
        const FetchJob *job;
        FetchResult *result;
        char digest[DIGEST_SIZE]; /* of the blob */
        const char *neighbour;    /* the repository to mount it from; NULL: none */
        const char *content_type;
        char *place;    /* where the blob is put; NULL: not begun */
        int64_t offset; /* bytes of it that are there */
        int64_t piece;  /* bytes in one request; 0: all */
        int64_t length; /* of the piece being sent; 0: none */
} Upload;

static void show_progress(void *owner, int64_t bytes)
{
        (void)owner;
        lseek(STDIN_FILENO, bytes, SEEK_SET);
}

static int set_headers(void *owner, HttpRequest *request)
{
        Upload *upload = owner;
        int r = 0;

        if (upload->content_type)
                r = string_list_addf(&request->headers, "Content-Type: %s", upload->content_type);
        if (r >= 0 && text_equal(request->method, "PATCH"))
                r = string_list_addf(&request->headers, "Content-Range: %lld-%lld", (long long)upload->offset,
                                     (long long)(upload->offset + upload->length - 1));
        return r;
}

static int send_request(RegistrySession *session, Upload *upload, const char *method, const char *url,
                        HttpResponse *ret, HttpFailure *ret_failure, Error *err)
{
        _cleanup_request_ HttpRequest request = HTTP_REQUEST_INIT;
        int r;

        request.method = method;
        request.url = url;
        request.owner = upload;
        request.maximum = 1 << 20;
        if (upload->length) {
                request.body_fd = STDIN_FILENO;
                request.body_offset = upload->offset;
                request.body_size = upload->length;
                request.sent = show_progress;
                request.once = upload->place; /* a manifest may be sent again */
        }
        r = session_perform(session, &request, set_headers, ret, err);
        *ret_failure = ret->failure;
        return r;
}

/* 1: the registry has the blob. */
static int look_for_blob(RegistrySession *session, Upload *upload, const char *base, HttpFailure *ret_failure,
                         Error *err)
{
        _cleanup_free_ char *url = text_printf("%s%s/blobs/%s", base, upload->job->path, upload->digest);
        _cleanup_response_ HttpResponse response = {0};
        int r;

        if (!url)
                return fail_memory(err);
        r = send_request(session, upload, "HEAD", url, &response, ret_failure, err);
        return r < 0 ? r : response.status == 200;
}

/* Takes the place that an answer names. */
static int take_place(RegistrySession *session, Upload *upload, const char *url, const HttpResponse *response,
                      Error *err)
{
        const char *location = http_header(response, "location");
        char *place = NULL;

        if (!location || http_resolve(url, location, &place) < 0)
                return fail(err, EPROTO, "registry %s does not say where to put a blob", response->host);
        free(upload->place);
        upload->place = place;
        return http_leaves_tls(session->client, session->base, place)
                       ? fail(err, EPROTO, "registry %s wants a blob put at an address without TLS: refused",
                              response->host)
                       : 0;
}

/* 1: there is nothing to send, it is mounted. */
static int begin_upload(RegistrySession *session, Upload *upload, const char *base, HttpFailure *ret_failure,
                        Error *err)
{
        _cleanup_buffer_ Buffer url = {0};
        _cleanup_response_ HttpResponse response = {0};
        int r;

        free(upload->place);
        upload->place = NULL;
        upload->offset = upload->length = 0;
        buffer_printf(&url, "%s%s/blobs/uploads/", base, upload->job->path);
        if (upload->neighbour)
                buffer_printf(&url, "?mount=%s&from=%s", upload->digest, upload->neighbour);
        if (url.failed)
                return fail_memory(err);
        r = send_request(session, upload, "POST", url.data, &response, ret_failure, err);
        if (r < 0)
                return r;
        if (response.status == 201 && upload->neighbour) {
                upload->result->mounted = true;
                return 1;
        }
        if (response.status != 202)
                return session_refused(&response, upload->job->path, "an upload", err);
        return take_place(session, upload, url.data, &response, err);
}

static int refused(const Upload *upload, const HttpResponse *response, Error *err)
{
        char what[DIGEST_SIZE + 16];

        snprintf(what, sizeof(what), "blob %s", upload->digest);
        return session_refused(response, upload->job->path, what, err);
}

/* The rest of the blob, or a piece of it; then the end. 1: the blob is there. */
static int send_piece(RegistrySession *session, Upload *upload, HttpResponse *ret, HttpFailure *ret_failure,
                      Error *err)
{
        int64_t rest = upload->job->maximum - upload->offset;
        bool whole = upload->offset == 0 && !upload->piece, last = whole || rest == 0;
        _cleanup_free_ char *url = last ? text_printf("%s%cdigest=%s", upload->place,
                                                      strchr(upload->place, '?') ? '&' : '?', upload->digest)
                                        : strdup(upload->place);
        int r;

        if (!url)
                return fail_memory(err);
        upload->length = !upload->piece || rest < upload->piece ? rest : upload->piece;
        r = send_request(session, upload, last ? "PUT" : "PATCH", url, ret, ret_failure, err);
        if (r >= 0 && ret->status != (last ? 201 : 202) && ret->status != 204)
                return refused(upload, ret, err);
        if (r < 0 || last)
                return r < 0 ? r : 1;
        upload->offset += upload->length;
        upload->length = 0;
        return take_place(session, upload, url, ret, err);
}

/* How much of a broken upload has come: "Range: 0-99". Begins anew when the registry does not say. 1: as
 * begin_upload(). */
static int resume(RegistrySession *session, Upload *upload, const char *base, HttpFailure *ret_failure,
                  Error *err)
{
        _cleanup_response_ HttpResponse response = {0};
        _cleanup_free_ char *url = strdup(upload->place);
        const char *range;
        long long end;
        int r;

        if (!url)
                return fail_memory(err);
        upload->length = 0;
        r = send_request(session, upload, "GET", url, &response, ret_failure, err);
        range = r >= 0 && response.status == 204 ? http_header(&response, "range") : NULL;
        error_clear(err);
        if (!range || (sscanf(range, "0-%lld", &end) != 1 && sscanf(range, "bytes=0-%lld", &end) != 1) ||
            end <= 0 || end >= upload->job->maximum || take_place(session, upload, url, &response, NULL) < 0)
                return begin_upload(session, upload, base, ret_failure, err);
        upload->offset = end + 1;
        return 0;
}

/* After a failed piece. 1: as resume(); negative: it stays failed, with what was raised. */
static int recover(RegistrySession *session, Upload *upload, const char *base, const HttpResponse *response,
                   int tries, HttpFailure *ret_failure, Error *err)
{
        bool broken = response->failure == HTTP_FAILED_TRANSFER || response->failure == HTTP_FAILED_STALL;

        if (response->status == 413 && (!upload->piece || upload->piece > PIECE_MINIMUM)) {
                upload->piece = upload->piece ? upload->piece / 4 : PIECE_MAXIMUM;
                while (upload->piece >= upload->job->maximum && upload->piece > PIECE_MINIMUM)
                        upload->piece /= 4;
                error_clear(err);
                return begin_upload(session, upload, base, ret_failure, err);
        }
        if (!broken && response->status < 500 && response->status != 429 && response->status != 404)
                return err && err->code ? -err->code : -EIO;
        if (!session_pause(response, tries))
                return err && err->code ? -err->code : -EIO;
        error_clear(err);
        return resume(session, upload, base, ret_failure, err);
}

static int send_blob(RegistrySession *session, Upload *upload, const char *base, HttpFailure *ret_failure,
                     Error *err)
{
        int64_t reached = 0;
        int r;

        r = begin_upload(session, upload, base, ret_failure, err);
        for (int tries = 0; r == 0;) {
                _cleanup_response_ HttpResponse response = {0};

                r = send_piece(session, upload, &response, ret_failure, err);
                if (r >= 0)
                        continue;
                /* as for downloads: what goes on may break as often as it likes */
                if (upload->offset > reached) {
                        reached = upload->offset;
                        tries = 0;
                }
                tries += response.status != 413;
                r = recover(session, upload, base, &response, tries, ret_failure, err);
        }
        return r < 0 ? r : 0;
}

static int upload_blob(RegistrySession *session, const char *base, void *owner, HttpFailure *ret_failure,
                       Error *err)
{
        Upload *upload = owner;
        int r;

        r = look_for_blob(session, upload, base, ret_failure, err);
        if (r != 0) {
                upload->result->existing = r > 0;
                return r < 0 ? r : 0;
        }
        upload->content_type = "application/octet-stream";
        return send_blob(session, upload, base, ret_failure, err);
}

static int upload_manifest(RegistrySession *session, const char *base, void *owner, HttpFailure *ret_failure,
                           Error *err)
{
        Upload *upload = owner;
        const char *comma = strchr(upload->job->object, ',');
        _cleanup_free_ char *url =
                text_printf("%s%s/manifests/%.*s", base, upload->job->path,
                            (int)(comma ? comma - upload->job->object : 0), upload->job->object);
        _cleanup_response_ HttpResponse response = {0};
        int r;

        if (!url || !comma)
                return fail_memory(err);
        upload->content_type = comma + 1;
        upload->length = upload->job->maximum;
        r = send_request(session, upload, "PUT", url, &response, ret_failure, err);
        if (r >= 0 && response.status != 201 && response.status != 204)
                r = session_refused(&response, upload->job->path, "the manifest", err);
        return r < 0 ? r : 0;
}

int fetch_upload(RegistrySession *session, const FetchJob *job, FetchResult *ret, Error *err)
{
        Upload upload = {.job = job, .result = ret};
        const char *comma = strchr(job->object, ',');
        int r;

        ret->size = job->maximum;
        snprintf(upload.digest, sizeof(upload.digest), "%.*s",
                 (int)(comma ? comma - job->object : (ptrdiff_t)strlen(job->object)), job->object);
        upload.neighbour = comma ? comma + 1 : NULL;
        r = session_each(session, false, job->kind == PUSH_BLOB ? upload_blob : upload_manifest, &upload,
                         err);
        free(upload.place);
        return r;
}

static int ask(RegistrySession *session, const char *base, void *owner, HttpFailure *ret_failure, Error *err)
{
        _cleanup_response_ HttpResponse response = {0};
        _cleanup_request_ HttpRequest request = HTTP_REQUEST_INIT;
        int r;

        request.method = "GET";
        request.url = base;
        request.owner = owner;
        request.maximum = 1 << 20;
        r = session_perform(session, &request, NULL, &response, err);
        *ret_failure = response.failure;
        if (r < 0 || response.status == 200)
                return r < 0 ? r : 0;
        if (response.status == 401 || response.status == 403)
                return fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                                 "registry %s: unauthorized: the user name or the password "
                                 "is wrong",
                                 session->domain);
        return fail(err, EIO, "registry %s answered with status %ld to a login: it may be no registry",
                    response.host, response.status);
}

int fetch_login(RegistrySession *session, Error *err)
{
        _cleanup_credentials_ RegistryCredentials credentials = {0};
        _cleanup_buffer_ Buffer text = {0};
        char *newline;

        if (file_read_fd(STDIN_FILENO, 64 << 10, &text) < 0 || !text.data ||
            !(newline = strchr(text.data, '\n')))
                return fail(err, EINVAL, "login: no credentials were given");
        *newline = 0;
        credentials.user = strdup(text.data);
        credentials.password = strdup(newline + 1);
        explicit_bzero(text.data, text.length);
        if (!credentials.user || !credentials.password)
                return fail_memory(err);
        session->given = &credentials;
        return session_each(session, false, ask, NULL, err);
}
