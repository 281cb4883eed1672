/* Fetching: a manifest or blob is written to descriptor 1 and 4; what breaks on the way is resumed where it
 * broke. */
#include "base/cleanup.h"
#include "base/file.h"
#include "registry/fetch-program.h"

typedef struct Download {
        const FetchJob *job;
        bool copying;
        int64_t received; /* bytes of the body that are written */
        int64_t skip;     /* bytes of this answer that are written already */
        DigestStream digest;
} Download;

static const char accept_header[] =
        "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json, "
        "application/vnd.docker.distribution.manifest.v2+json";

/* ---- the body ---- */

static int begin_body(void *owner, const HttpResponse *response, Error *err)
{
        Download *download = owner;

        /* A registry that does not know ranges begins anew. */
        download->skip = response->status == 206 ? 0 : download->received;
        return 0;
}

static int take_body(void *owner, const void *data, size_t length, Error *err)
{
        Download *download = owner;
        const char *bytes = data;
        int r;

        if (download->skip > 0) {
                size_t skipped = (int64_t)length < download->skip ? length : (size_t)download->skip;

                download->skip -= (int64_t)skipped;
                bytes += skipped;
                length -= skipped;
        }
        digest_stream_update(&download->digest, bytes, length);
        r = file_write_all(STDOUT_FILENO, bytes, length);
        if (r < 0)
                return fail_errno(err, -r, "write what was downloaded");
        if (download->copying && file_write_all(FETCH_COPY_FD, bytes, length) < 0)
                download->copying = false; /* who reads it says why it stopped */
        download->received += (int64_t)length;
        return 0;
}

static int set_headers(void *owner, HttpRequest *request)
{
        Download *download = owner;
        int r = 0;

        if (download->job->kind == FETCH_MANIFEST)
                r = string_list_add(&request->headers, accept_header);
        if (r >= 0 && download->received)
                r = string_list_addf(&request->headers, "Range: bytes=%lld-", (long long)download->received);
        return r;
}

static int download_url(RegistrySession *session, Download *download, const char *url,
                        HttpFailure *ret_failure, Error *err)
{
        _cleanup_response_ HttpResponse response = {0};
        _cleanup_request_ HttpRequest request = HTTP_REQUEST_INIT;
        const FetchJob *job = download->job;
        char what[DIGEST_SIZE + 256];
        int r;

        request.method = "GET";
        request.url = url;
        request.begin = begin_body;
        request.take = take_body;
        request.owner = download;
        request.maximum = job->maximum;
        r = session_perform(session, &request, set_headers, &response, err);
        *ret_failure = response.failure;
        if (r < 0 || response.status == 200 || response.status == 206)
                return r < 0 ? r : 0;
        snprintf(what, sizeof(what), "%s %s", job->kind == FETCH_BLOB ? "blob" : "manifest", job->object);
        return session_refused(&response, job->path, job->kind == FETCH_URL ? "this address" : what, err);
}

static int download_from(RegistrySession *session, const char *base, void *owner, HttpFailure *ret_failure,
                         Error *err)
{
        Download *download = owner;
        _cleanup_free_ char *url =
                text_printf("%s%s/%s/%s", base, download->job->path,
                            download->job->kind == FETCH_BLOB ? "blobs" : "manifests", download->job->object);

        return url ? download_url(session, download, url, ret_failure, err) : fail_memory(err);
}

int fetch_download(RegistrySession *session, const FetchJob *job, FetchResult *ret, Error *err)
{
        Download download = {.job = job, .copying = true};
        HttpFailure failure;
        Digest wanted;
        int r;

        digest_stream_init(&download.digest);
        r = job->kind == FETCH_URL ? download_url(session, &download, job->object, &failure, err)
                                   : session_each(session, true, download_from, &download, err);
        if (r < 0)
                return r;
        digest_stream_finish(&download.digest, &ret->digest);
        ret->size = download.received;
        if (job->kind != FETCH_URL && strchr(job->object, ':') &&
            digest_parse(job->object, &wanted, NULL) >= 0 && !digest_equal(&wanted, &ret->digest))
                return fail_kind(err, ERROR_CORRUPT, EBADMSG,
                                 "registry %s sent wrong content for %s: its digest is %s", session->domain,
                                 wanted.text, ret->digest.text);
        return 0;
}
