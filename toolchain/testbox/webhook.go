package main

import (
	"encoding/json"
	"net/http"
)

// How a test sees the webhook at work: an annotation that it sets, and a key in
// an object's data that it does not let pass.
const (
	mutatedAnnotation = "testbox.kilonode.io/mutated"
	deniedKey         = "deny"
)

type object map[string]any

// Only what is read of an AdmissionReview (admission.k8s.io/v1) is declared.
type admissionRequest struct {
	UID    string `json:"uid"`
	Object struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Data map[string]any `json:"data"`
	} `json:"object"`
}

type decision func(admissionRequest) object

func review(decide decision) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		var asked struct {
			Request *admissionRequest `json:"request"`
		}
		err := json.NewDecoder(request.Body).Decode(&asked)
		if err != nil || asked.Request == nil {
			http.Error(writer, "not an AdmissionReview", http.StatusBadRequest)
			return
		}
		answer := decide(*asked.Request)
		answer["uid"] = asked.Request.UID
		writeJSON(writer, object{
			"apiVersion": "admission.k8s.io/v1",
			"kind":       "AdmissionReview",
			"response":   answer,
		})
	}
}

// mutate sets an annotation on whatever comes by.
func mutate(request admissionRequest) object {
	// JSON Patch writes a slash in a key as ~1, and adds into a map only where
	// there is one.
	patch := object{
		"op":    "add",
		"path":  "/metadata/annotations/testbox.kilonode.io~1mutated",
		"value": "true",
	}
	if request.Object.Metadata.Annotations == nil {
		patch["path"] = "/metadata/annotations"
		patch["value"] = object{mutatedAnnotation: "true"}
	}
	body, err := json.Marshal([]object{patch})
	if err != nil {
		return object{"allowed": false, "status": object{"message": err.Error()}}
	}
	return object{"allowed": true, "patchType": "JSONPatch", "patch": body}
}

// validate refuses what asks to be refused.
func validate(request admissionRequest) object {
	if _, found := request.Object.Data[deniedKey]; found {
		message := "testbox denies what carries the data key " + deniedKey
		return object{"allowed": false, "status": object{"code": 403, "message": message}}
	}
	return object{"allowed": true}
}
