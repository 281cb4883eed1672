/*
 * Sending: a blob that the registry has is not sent again; others go in one piece (distribution
 * specification, "Pushing a blob monolithically": POST, then PUT). The offset of descriptor 0, which the
 * engine shares, says how far it is.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "registry/fetch-program.h"

typedef struct Upload {
        const FetchJob *job;
        FetchResult *result;
        const char *content_type;
} Upload;

static void show_progress(void *owner, int64_t bytes)
{
        (void)owner;
        lseek(STDIN_FILENO, bytes, SEEK_SET);
}

static int set_headers(void *owner, HttpRequest *request)
{
        Upload *upload = owner;

        return upload->content_type
                       ? string_list_addf(&request->headers, "Content-Type: %s", upload->content_type)
                       : 0;
}

static int send_request(RegistrySession *session, Upload *upload, const char *method, const char *url,
                        bool body, HttpResponse *ret, HttpFailure *ret_failure, Error *err)
{
        _cleanup_request_ HttpRequest request = HTTP_REQUEST_INIT;
        int r;

        request.method = method;
        request.url = url;
        request.owner = upload;
        request.maximum = 1 << 20;
        if (body) {
                request.body_fd = STDIN_FILENO;
                request.body_size = upload->job->maximum;
                request.sent = show_progress;
        }
        r = session_perform(session, &request, set_headers, ret, err);
        *ret_failure = ret->failure;
        return r;
}

/* 1: the registry has the blob. */
static int look_for_blob(RegistrySession *session, Upload *upload, const char *base, HttpFailure *ret_failure,
                         Error *err)
{
        _cleanup_free_ char *url = text_printf("%s%s/blobs/%s", base, upload->job->path, upload->job->object);
        _cleanup_response_ HttpResponse response = {0};
        int r;

        if (!url)
                return fail_memory(err);
        r = send_request(session, upload, "HEAD", url, false, &response, ret_failure, err);
        return r < 0 ? r : response.status == 200;
}

/* Where the blob is to be put: new string. */
static int begin_upload(RegistrySession *session, Upload *upload, const char *base, char **ret,
                        HttpFailure *ret_failure, Error *err)
{
        _cleanup_free_ char *url = text_printf("%s%s/blobs/uploads/", base, upload->job->path), *place = NULL;
        _cleanup_response_ HttpResponse response = {0};
        const char *location;
        int r;

        if (!url)
                return fail_memory(err);
        r = send_request(session, upload, "POST", url, false, &response, ret_failure, err);
        if (r < 0)
                return r;
        if (response.status != 202)
                return session_refused(&response, upload->job->path, "an upload", err);
        location = http_header(&response, "location");
        r = location ? http_resolve(url, location, &place) : -EPROTO;
        if (r < 0)
                return fail(err, EPROTO, "registry %s does not say where to put a blob", response.host);
        if (text_after(base, "https:") && !text_after(place, "https:"))
                return fail(err, EPROTO, "registry %s wants a blob put at an address without TLS: refused",
                            response.host);
        *ret = text_printf("%s%cdigest=%s", place, strchr(place, '?') ? '&' : '?', upload->job->object);
        return *ret ? 0 : fail_memory(err);
}

static int put(RegistrySession *session, Upload *upload, const char *url, const char *what,
               HttpFailure *ret_failure, Error *err)
{
        _cleanup_response_ HttpResponse response = {0};
        int r;

        r = send_request(session, upload, "PUT", url, true, &response, ret_failure, err);
        if (r >= 0 && response.status != 201 && response.status != 204)
                r = session_refused(&response, upload->job->path, what, err);
        return r < 0 ? r : 0;
}

static int upload_blob(RegistrySession *session, const char *base, void *owner, HttpFailure *ret_failure,
                       Error *err)
{
        Upload *upload = owner;
        _cleanup_free_ char *place = NULL;
        char what[DIGEST_SIZE + 16];
        int r;

        r = look_for_blob(session, upload, base, ret_failure, err);
        if (r != 0) {
                upload->result->existing = r > 0;
                return r < 0 ? r : 0;
        }
        r = begin_upload(session, upload, base, &place, ret_failure, err);
        if (r < 0)
                return r;
        snprintf(what, sizeof(what), "blob %s", upload->job->object);
        upload->content_type = "application/octet-stream";
        return put(session, upload, place, what, ret_failure, err);
}

static int upload_manifest(RegistrySession *session, const char *base, void *owner, HttpFailure *ret_failure,
                           Error *err)
{
        Upload *upload = owner;
        const char *comma = strchr(upload->job->object, ',');
        _cleanup_free_ char *url =
                text_printf("%s%s/manifests/%.*s", base, upload->job->path,
                            (int)(comma ? comma - upload->job->object : 0), upload->job->object);

        if (!url || !comma)
                return fail_memory(err);
        upload->content_type = comma + 1;
        return put(session, upload, url, "the manifest", ret_failure, err);
}

int fetch_upload(RegistrySession *session, const FetchJob *job, FetchResult *ret, Error *err)
{
        Upload upload = {.job = job, .result = ret};

        ret->size = job->maximum;
        return session_each(session, false, job->kind == PUSH_BLOB ? upload_blob : upload_manifest, &upload,
                            err);
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
