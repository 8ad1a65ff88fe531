import { checkAuthSession, startSessionPolling } from './authChecker.js';
import './passwordVisibility.js';

// Someone who signs in in another tab must not be left with a form here that no longer works.
const { session, signedInElsewhere } = document.body.dataset;
if (session) {
  startSessionPolling(signedInElsewhere);
  checkAuthSession(session);
}

// A screen reader says with the field what is wrong with it (WCAG 3.3.1). Keycloak's fields lack the reference.
const wrong = document.querySelectorAll('[aria-invalid=true]');
for (const field of wrong) field.setAttribute('aria-describedby', `input-error-container-${field.id}`);
wrong[0]?.focus();

// The labels of Keycloak's page for one-time codes point nowhere.
for (const label of document.querySelectorAll('label[for=form-vertical-name]')) label.htmlFor = label.closest('.field').querySelector('input').id;
